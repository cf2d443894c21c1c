//! How long a frame takes: 120x40, ten thousand cases, a hundred thousand events, with and without a dialog.

#[path = "../it/scene.rs"]
#[expect(dead_code, reason = "the tests draw more scenes than the bench")]
mod scene;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use quell::app::model::{Layer, Model, Pane};
use quell::terminal::backend::{LeanBackend, SizeSource};
use quell::terminal::egress::{Allowed, Egress};
use quell::terminal::features::Features;
use quell::ui::theme::{Colors, Theme};
use ratatui::Terminal;

const SIZE: (u16, u16) = (120, 40);

fn theme() -> Theme {
    Theme::choose(Some("dark"), false, Colors::Indexed).expect("a theme")
}

/// Draws, compares with the frame before and writes, as the console does; the bytes are thrown away.
fn terminal() -> Terminal<LeanBackend<Egress<std::io::Sink>>> {
    let egress = Egress::new(std::io::sink(), Allowed::default());
    let features = Features::of_term("xterm-256color");
    let backend = LeanBackend::new(egress, SizeSource::Fixed(SIZE.0, SIZE.1), features);
    Terminal::new(backend).expect("a terminal")
}

fn model() -> Model {
    scene::huge(SIZE, 10_000, 100_000)
}

fn frame(c: &mut Criterion) {
    let theme = theme();
    let mut model = model();
    let mut screen = terminal();
    let mut step = 0;
    for pane in [Pane::Cases, Pane::Activity] {
        model.focus = pane;
        c.bench_function(&format!("frame/cursor/{pane:?}"), |b| {
            b.iter(|| {
                step = (step + 1) % 5_000;
                match pane {
                    Pane::Cases => model.queue.move_to(step),
                    _ => {
                        if let Some(open) = &mut model.open {
                            open.activity.move_to(step);
                        }
                    }
                }
                screen
                    .draw(|frame| quell::ui::draw(black_box(&model), &theme, frame))
                    .expect("a frame");
            });
        });
    }
    model.layers.push(Layer::Response { scroll: 0 });
    c.bench_function("frame/response", |b| {
        b.iter(|| {
            screen
                .draw(|frame| quell::ui::draw(black_box(&model), &theme, frame))
                .expect("a frame");
        });
    });
}

criterion_group!(benches, frame);
criterion_main!(benches);
