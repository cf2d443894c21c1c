//! Frames as text.

use quell::app::model::Model;

/// Draws the model at a size.
pub fn text(model: &Model, _size: (u16, u16)) -> String {
    format!("{:?}", model.layers)
}
