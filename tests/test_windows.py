import pytest
import torch
from torch.testing import assert_close

from lookreel.diffusion.guidance import single
from lookreel.diffusion.windows import combine, windows, wrapped
from lookreel.errors import InputError


@pytest.mark.parametrize(("size", "overlap"), [(16, 4), (24, 4), (16, 0), (5, 4), (1, 0)])
@pytest.mark.parametrize("frames", [1, 2, 15, 16, 17, 24, 27, 28, 29, 40, 64, 65, 200])
def test_every_frame_is_covered_by_whole_windows_in_order(frames, size, overlap):
    spans = windows(frames, size, overlap)
    assert sorted({frame for span in spans for frame in span}) == list(range(frames))
    assert all(len(span) == min(size, frames) and span.step == 1 for span in spans)
    for before, after in zip(spans, spans[1:], strict=False):
        assert before.start < after.start <= before.stop - overlap


def test_the_last_window_is_clamped_not_wrapped():
    assert windows(65) == [range(s, s + 16) for s in (0, 12, 24, 36, 48, 49)]
    assert windows(28) == [range(0, 16), range(12, 28)]
    assert windows(17) == [range(0, 16), range(1, 17)]


@pytest.mark.parametrize("frames", [1, 15, 16])
def test_a_short_film_is_one_window(frames):
    assert windows(frames) == [range(frames)]


@pytest.mark.parametrize(("size", "overlap"), [(16, 16), (16, 20), (16, -1)])
def test_impossible_overlap(size, overlap):
    with pytest.raises(InputError, match=f"overlap: found {overlap} .* 0 to 15"):
        windows(40, size, overlap)


def network(x, t, window):
    """A stand-in whose prediction for a frame depends on the whole window and on where the window lies."""
    return torch.sin(x + t) + x.mean(0, keepdim=True) + window.start


def film(frames):
    return torch.randn(frames, 4, 3, 2, generator=torch.Generator().manual_seed(0))


def test_one_window_equals_no_windowing():
    x = film(12)
    assert torch.equal(combine(network, x, 5, windows(12)), network(x, 5, range(12)))


def test_mean_by_counter():
    x, spans = film(30), windows(30)  # [0, 16) [12, 28) [14, 30)
    got = combine(network, x, 5, spans)
    for frame in range(30):
        parts = [network(x[w.start : w.stop], 5, w)[frame - w.start] for w in spans if frame in w]
        assert_close(got[frame], torch.stack(parts).mean(0))
    assert sum(15 in w for w in spans) == 3


def test_a_network_blind_to_time_does_not_notice_windows():
    x = film(50)
    assert_close(combine(lambda part, t, window: part**2, x, 5, windows(50)), x**2)


def test_no_more_than_one_window_at_a_time():
    lengths = []

    def predict(x, t, window):
        lengths.append(len(x))
        assert len(x) == len(window)
        return x

    combine(predict, film(100), 5, windows(100))
    assert max(lengths) == 16 and len(lengths) == len(windows(100))


def test_guidance_commutes_with_averaging():
    x, spans = film(40), windows(40)

    def other(part, t, window):
        return torch.cos(part) - part.mean(0, keepdim=True) * window.start

    inside = combine(lambda *args: single(network(*args), other(*args), 3.5), x, 5, spans)
    outside = single(combine(network, x, 5, spans), combine(other, x, 5, spans), 3.5)
    assert_close(inside, outside, rtol=1e-5, atol=1e-4)


def test_predictions_in_half_precision_are_summed_in_the_type_of_x():
    got = combine(lambda part, t, window: part.to(torch.bfloat16), film(40), 5, windows(40))
    assert got.dtype == torch.float32


def test_wrapped_windows_are_the_open_animate_anyones():
    """Its own examples: 64 and 200 frames in windows of 24 that share 4."""
    rows = [[frame % 64 for frame in span] for span in wrapped(64)]
    assert [row[0] for row in rows] == [0, 20, 40, 60] and rows[-1] == [60, 61, 62, 63, *range(20)]
    rows = [[frame % 200 for frame in span] for span in wrapped(200)]
    assert rows[-1] == [*range(180, 200), *range(4)] and len(rows) == 10
    assert wrapped(24) == [range(24)] and wrapped(7) == [range(7)]


def test_a_wrapped_window_reads_and_writes_the_first_frames():
    x, seen = torch.arange(12.0)[:, None], []

    def predict(part, t, window):
        seen.append(part[:, 0].tolist())
        return part + 10 * len(seen)

    combined = combine(predict, x, 0, wrapped(12, 8, 2))[:, 0]
    assert seen == [list(range(8)), [6, 7, 8, 9, 10, 11, 0, 1]]
    shift = [15, 15, 10, 10, 10, 10, 15, 15, 20, 20, 20, 20]
    torch.testing.assert_close(combined, torch.arange(12.0) + torch.tensor(shift))
