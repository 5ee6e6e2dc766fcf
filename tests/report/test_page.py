import base64

from dance_edge.report.page import Section, markdown, page_html

SECTIONS = [Section("", ("An <intro>.",), ("a", "b"), [["1|2", "<3>"]], picture="p.png", alt='a "picture"'),
            Section("Nothing"), Section("Shown only", picture="p.png"), Section("List", items=["x & y"])]


def test_markdown_leaves_out_what_is_empty():
    assert markdown("T", SECTIONS) == (
        "# T\n\nAn <intro>.\n\n| a | b |\n|---|---|\n| 1\\|2 | <3> |\n\n## List\n\n- x & y\n")


def test_html_is_one_file_and_nothing_in_it_is_markup_but_ours():
    page = page_html("T", SECTIONS, {"p.png": b"PNG"})
    assert page.count("data:image/png;base64," + base64.b64encode(b"PNG").decode("ascii")) == 2
    assert "<td>&lt;3&gt;</td>" in page and "x &amp; y" in page and 'alt="a &quot;picture&quot;"' in page
    assert "Nothing" not in page and "src=\"p.png" not in page and "http" not in page


def test_a_picture_that_could_not_be_drawn_is_left_out():
    page = page_html("T", SECTIONS, {})
    assert "<img" not in page and "Shown only" not in page and "<li>" in page
