"""Details of any shape become figures, tables and bars."""

from slipway_optimizer.report.details import MOST_ROWS, lay_out, text, words


def test_figures():
    laid = lay_out({"sparsityReached": 0.51239, "parameters": {"before": 1000, "after": 30}, "layers": ["a", "b"]})
    assert laid.figures == [
        ("Sparsity reached", "0.5124"),
        ("Parameters: before", "1,000"),
        ("Parameters: after", "30"),
        ("Layers", "a, b"),
    ]
    assert laid.tables == []


def test_a_list_of_objects_is_a_table_with_bars_for_its_last_number():
    (table,) = lay_out({"sensitivity": [{"node": "a", "drop": 0.5}, {"node": "b", "drop": 0.25, "kept": True}]}).tables
    assert table.columns == ["Node", "Drop", "Kept"]
    assert table.rows == [["a", "0.5", "-"], ["b", "0.25", "yes"]]
    assert table.bars == [1.0, 0.5]


def test_bars_of_nothing_and_of_gains_are_empty():
    (table,) = lay_out({"sensitivity": [{"node": "a", "drop": 0.0}, {"node": "b", "drop": -0.5}]}).tables
    assert table.bars == [0.0, 0.0]
    (table,) = lay_out({"epochs": [{"epoch": 1}]}).tables
    assert table.bars is None


def test_long_tables_are_cut_and_say_so():
    (table,) = lay_out({"nodes": [{"node": str(number)} for number in range(MOST_ROWS + 7)]}).tables
    assert (len(table.rows), table.left_out) == (MOST_ROWS, 7)


def test_words():
    assert [words("speedupLow"), words("p50_us"), words("MSE")] == ["Speedup low", "P50 us", "MSE"]
    assert [text(None), text(False), text(1234567), text(0.1 + 0.2)] == ["-", "no", "1,234,567", "0.3"]
    assert [text(983123.4), text(0.000012345), text(1e30)] == ["983,123", "1.234e-05", "1e+30"]
