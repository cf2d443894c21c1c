//! The control interface: faults are switched and the ledger is read here, on a port of its own.
//!
//! No vendor has it, and the console never asks it.

use std::io;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::fault;
use super::server::Shared;

/// Opens the control interface on a free loopback port and answers its address.
pub(crate) async fn open(shared: Arc<Shared>) -> io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let base = format!("http://{}", listener.local_addr()?);
    let mut stop = shared.stop.clone();
    let router = Router::new()
        .route("/faults", post(faults))
        .route("/ledger", get(ledger))
        .with_state(shared);
    let ended = async move {
        // An error means that the drill is gone, which ends the server too.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    tokio::spawn(async move {
        let _ = axum::serve(listener, router)
            .with_graceful_shutdown(ended)
            .await;
    });
    Ok(base)
}

async fn faults(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> (StatusCode, Json<Value>) {
    match fault::parse(&body) {
        Ok(order) => {
            shared.lock().order(order);
            (StatusCode::OK, Json(json!({"ok": true})))
        }
        Err(text) => (
            StatusCode::BAD_REQUEST,
            Json(json!({"ok": false, "error": text})),
        ),
    }
}

async fn ledger(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    let state = shared.lock();
    let mut body = state.ledger.to_json();
    body["open_pits"] = json!(state.pits.len());
    Json(body)
}
