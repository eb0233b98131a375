//! What is around the views, whatever they are.
//!
//! - `frame`: head, messages, the place of the views, and the gestures that work everywhere
//! - `machine`: the foot of the window: where the model runs, and what is under way

mod frame;
mod machine;

pub(super) use frame::App;
