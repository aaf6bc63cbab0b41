//! Real tables as a scenario's source.

use firedrill_s3_mock::Time;
use firedrill_sim::object_store::ObjectStore;

use crate::scene::{Scene, SceneError};

/// Loads a real table into the scene.
pub(crate) fn load(
    folder: &str,
    _scene: &mut Scene,
    _store: &mut ObjectStore,
    _now: Time,
) -> Result<(), SceneError> {
    Err(SceneError::Sample {
        folder: folder.to_owned(),
        why: "sample tables cannot be loaded yet".into(),
    })
}
