//! What tools for other pools read: ckpool's and public-pool's JSON, as far as it can be
//! said of this pool.

pub mod ckpool;
pub mod public_pool;

use super::Shown;
use super::api::document::Endpoint;
use axum::Router;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new().merge(ckpool::routes()).merge(public_pool::routes())
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    [ckpool::endpoints(), public_pool::endpoints()].concat()
}
