"""The processes of one run, numbered by rank: what each does of the work, and how they come to one answer."""
from typing import Any, Callable, List, NamedTuple, Sequence, TypeVar

from dance_edge.errors import DanceError

T = TypeVar("T")
Item = TypeVar("Item")


class Ranks:
    """A process alone: `rank` 0 of `count` 1. Where there are several, a subclass moves the values between them.

    Every rank makes the same calls in the same order. An error that one of them has inside `attempt` is raised on all,
    there or wherever they next wait for it: none is left waiting.
    """

    rank = 0
    count = 1

    @property
    def first(self) -> bool:
        """Whether this is rank 0, the one that writes and speaks."""
        return self.rank == 0

    def add_up(self, tensors: Sequence[Any]) -> None:
        """Replace every tensor by its sum over the ranks, the same to the last bit on each."""

    def _all(self, value: Any) -> List[Any]:
        """The ranks' values, by rank."""
        return [value]

    def gather(self, value: T) -> List[T]:
        """The ranks' values, by rank, on each; instead, the error of one that failed."""
        values = self._all(value)
        for one in values:
            if isinstance(one, _Failure):
                one.error.everywhere = True
                raise one.error
        return values

    def attempt(self, call: Callable[[], T]) -> T:
        """This rank's `call()`, once every rank has had its own; an error of one is raised on all."""
        if self.count == 1:
            return call()
        try:
            value = call()
        except DanceError as error:
            if error.everywhere:
                raise
            self.gather(_Failure(error))
            raise
        self.gather(None)
        return value

    def told(self, value: T) -> T:
        """Rank 0's `value`."""
        return self.gather(value)[0]

    def lead(self, call: Callable[[], T]) -> T:
        """What rank 0's `call()` gives; the others do not call it."""
        if self.count == 1:
            return call()
        own: Callable[[], T] = call if self.first else _nothing
        return self.told(self.attempt(own))

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """This rank's part of `items`: every `count`-th from its own on."""
        return items[self.rank::self.count]

    def map(self, call: Callable[[Item], T], items: Sequence[Item]) -> List[T]:
        """`call` of every item, in order, on each rank; the work is parted."""
        own = self.attempt(lambda: [call(item) for item in self.share(items)])
        whole: List[Any] = [None] * len(items)
        for rank, part in enumerate(self.gather(own)):
            whole[rank::self.count] = part
        return whole


class _Failure(NamedTuple):
    """What a rank that failed gives in place of a value."""

    error: DanceError


def _nothing() -> Any:
    return None


ALONE = Ranks()
