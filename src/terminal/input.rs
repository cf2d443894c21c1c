//! Keys in: what the terminal sends, as messages.
//!
//! What must not live here: what a key means, and any use of pasted text (it is only counted).

use std::io;

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures::{Stream, StreamExt as _};

use crate::app::keymap::{Chord, Key};
use crate::app::message::Message;

/// Gives what the terminal sends, as it comes; ends when the terminal is gone.
pub fn messages() -> impl Stream<Item = io::Result<Message>> + Unpin {
    Box::pin(
        EventStream::new()
            .filter_map(|event| async move { event.map(|event| message(&event)).transpose() }),
    )
}

/// Turns an event into a message; nothing for those that mean nothing here.
pub fn message(event: &Event) -> Option<Message> {
    match event {
        Event::Key(key) => chord(*key).map(Message::Key),
        Event::Paste(_) => Some(Message::Pasted),
        Event::Resize(width, height) => Some(Message::Resized {
            width: *width,
            height: *height,
        }),
        Event::FocusGained | Event::FocusLost | Event::Mouse(_) => None,
    }
}

/// Turns a key into a chord; nothing for releases and keys that can not be bound.
fn chord(event: KeyEvent) -> Option<Chord> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let shift = event.modifiers.contains(KeyModifiers::SHIFT);
    let key = match event.code {
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab if shift => Key::BackTab,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        _ => return None,
    };
    Some(Chord {
        key,
        ctrl: event.modifiers.contains(KeyModifiers::CONTROL),
        alt: event.modifiers.contains(KeyModifiers::ALT),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(KeyCode::Char('d'), KeyModifiers::CONTROL, "Ctrl-d")]
    #[case(KeyCode::Char('G'), KeyModifiers::SHIFT, "G")]
    #[case(KeyCode::Char('x'), KeyModifiers::ALT, "Alt-x")]
    #[case(KeyCode::Tab, KeyModifiers::SHIFT, "Shift-Tab")]
    #[case(KeyCode::BackTab, KeyModifiers::SHIFT, "Shift-Tab")]
    #[case(KeyCode::PageDown, KeyModifiers::NONE, "PageDown")]
    #[case(KeyCode::Char(' '), KeyModifiers::NONE, "Space")]
    fn keys(#[case] code: KeyCode, #[case] modifiers: KeyModifiers, #[case] expected: &str) {
        let event = Event::Key(KeyEvent::new(code, modifiers));
        let Some(Message::Key(chord)) = message(&event) else {
            panic!("no key");
        };
        assert_eq!(chord.to_string(), expected);
    }

    #[test]
    fn releases_and_function_keys_say_nothing() {
        let mut released = KeyEvent::new(KeyCode::Char('y'), KeyModifiers::NONE);
        released.kind = KeyEventKind::Release;
        assert!(message(&Event::Key(released)).is_none());
        let function = KeyEvent::new(KeyCode::F(5), KeyModifiers::NONE);
        assert!(message(&Event::Key(function)).is_none());
    }

    #[test]
    fn pasted_text_is_dropped() {
        let pasted = message(&Event::Paste("mara.lind".to_owned()));
        assert!(matches!(pasted, Some(Message::Pasted)));
    }
}
