"""What a bench takes where nobody says otherwise; light enough for `--help`."""

IMAGES = 16
ROUNDS = 3  # there and back: with two variants A B B A, each time two pairs
