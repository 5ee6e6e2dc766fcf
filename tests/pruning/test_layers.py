from dance_edge.pruning.layers import MULTI_SCALE, OTHER, LayerRow, by_kind, kind_of, layer_rows, rows_to_dicts


def test_a_row_for_every_layer_with_its_kind():
    rows = layer_rows({"aspp.0": 256, "aspp2.0": 64, "decoder": 48}, {"aspp.0": 64, "decoder": 48}, ("aspp",))
    assert rows == [LayerRow("aspp.0", MULTI_SCALE, 256, 64), LayerRow("aspp2.0", OTHER, 64, 64),
                    LayerRow("decoder", OTHER, 48, 48)]
    assert [row.pruned_share for row in rows] == [0.75, 0, 0]


def test_kinds_add_up():
    rows = [LayerRow("a", MULTI_SCALE, 100, 25), LayerRow("b", OTHER, 60, 30), LayerRow("c", MULTI_SCALE, 100, 75)]
    assert by_kind(rows) == [LayerRow("", MULTI_SCALE, 200, 100), LayerRow("", OTHER, 60, 30)]
    assert by_kind([]) == []


def test_a_module_is_of_its_own_kind_and_a_network_without_any_has_other_layers_alone():
    assert kind_of("fusion", ("arm", "fusion")) == kind_of("arm.conv.0", ("arm", "fusion")) == MULTI_SCALE
    assert kind_of("fusion", ()) == OTHER


def test_dicts_are_numbers_and_strings():
    assert rows_to_dicts([LayerRow("a", OTHER, 8, 6)]) == [
        {"layer": "a", "kind": "other", "original": 8, "kept": 6, "pruned_share": 0.25}]
    assert LayerRow("a", OTHER, 0, 0).pruned_share == 0
