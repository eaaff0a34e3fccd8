from operations.recovery.portions import portions


def test_a_portion_has_neither_too_many_items_nor_too_many_bytes() -> None:
    assert list(portions([1, 1, 1, 1, 9, 1], lambda size: size, most=3, most_bytes=10)) == [[1, 1, 1], [1, 9], [1]]


def test_one_that_is_too_large_by_itself_is_a_portion() -> None:
    assert list(portions([11, 1, 12], lambda size: size, most_bytes=10)) == [[11], [1], [12]]


def test_no_more_than_a_portion_is_taken_ahead() -> None:
    taken: list[int] = []
    found = portions((taken.append(each) or each for each in range(100)), lambda _: 1, most=3)  # type: ignore[func-returns-value]
    assert next(found) == [0, 1, 2]
    assert taken == [0, 1, 2, 3]
