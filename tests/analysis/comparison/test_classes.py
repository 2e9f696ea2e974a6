import planted
import pytest

from analysis.comparison import class_table
from analysis.errors import AnalysisError

IOU = "last/target/IoU/"


def runs():
    plain = {f"{IOU}road": (70.0, 80.0), f"{IOU}traffic light": (1.0, 3.0), "last/target/mIoU": (35.0, 41.0)}
    better = {f"{IOU}road": (72.0, 81.0), "last/target/mIoU": (40.0, 46.0)}
    return planted.frame(
        planted.group("plain", plain, seeds=(0, 1)), planted.group("better", better, seeds=(0, 1), round_num=9)
    )


def test_one_column_a_class_in_the_order_of_the_label_set():
    table = class_table(runs())
    assert [column.heading for column in table.columns] == ["group", "n", "road", "light", "mIoU"]
    better, plain = ([cell.text for cell in row] for row in table.rows)
    assert better == ["better", "2", "76.5", "–", "43.0"]
    assert plain == ["plain", "2", "75.0", "2.0", "38.0"]
    assert table.notes == ()


def test_differences_to_a_baseline_whose_row_is_the_first():
    table = class_table(runs(), "plain")
    plain, better = table.rows
    assert [cell.text for cell in plain][2:] == ["75.0", "2.0", "38.0"]
    assert [cell.text for cell in better][2:] == ["+1.5", "–", "+5.0"]
    assert better[2].values[:3] == (76.5, pytest.approx(6.364, abs=1e-3), 1.5)
    assert table.notes == ("180 iterations of 1 images, the baseline's 100 of 1",)


def test_a_check_of_the_data_is_no_row():
    frame = planted.frame(
        planted.group("g", {f"{IOU}road": (1.0,)}, seeds=(0,)),
        planted.group("validate gta5", {}, seeds=(0,), stage="validate"),
    )
    assert [row[0].text for row in class_table(frame).rows] == ["g"]


def test_classes_of_no_label_set_come_last():
    frame = planted.frame(planted.group("g", {f"{IOU}zebra": (1.0,), f"{IOU}sky": (2.0,)}, seeds=(0,)))
    assert [column.heading for column in class_table(frame).columns][2:] == ["sky", "zebra", "mIoU"]


def test_no_classes():
    frame = planted.frame(planted.group("g", {"last/target/mIoU": (1.0,)}, seeds=(0,)))
    with pytest.raises(AnalysisError, match="IoU of single classes on the source \\(best checkpoint\\)"):
        class_table(frame, which="best", domain="source")
