from concurrent.futures import ThreadPoolExecutor

import pytest

from msl.serving.pipeline import in_flight


@pytest.mark.parametrize("most", [1, 2, 5])
def test_all_come_in_order_and_few_are_begun_ahead(most):
    begun = []

    def items():
        for i in range(20):
            begun.append(i)
            yield i

    with ThreadPoolExecutor(2) as pool:
        for taken, value in enumerate(in_flight(pool, lambda i: i**2, items(), most)):
            assert value == taken**2
            assert len(begun) <= taken + most
    assert taken == 19


def test_an_error_comes_in_its_turn():
    with ThreadPoolExecutor(2) as pool:
        coming = in_flight(pool, lambda i: 1 / i, [1, 0, 2], 3)
        assert next(coming) == 1
        with pytest.raises(ZeroDivisionError):
            next(coming)
