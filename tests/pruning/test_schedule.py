from dance_edge.pruning.schedule import count_to_remove, prune_steps


def test_prunes_end_the_first_n_of_n_plus_one_equal_parts():
    assert prune_steps(400, 3) == [100, 200, 300]
    assert prune_steps(40, 1) == [20]
    assert prune_steps(40, 0) == []


def test_a_run_shorter_than_its_stages_prunes_no_earlier_than_step_one():
    assert prune_steps(3, 3) == [1, 1, 2]


def test_the_ratio_is_reached_linearly():
    assert [count_to_remove(stage, 4, 0.5, 1000) for stage in (1, 2, 3, 4)] == [125, 250, 375, 500]
