//! What a pool says, decoded by the reference crates.

use anyhow::{Result, anyhow, ensure};
use binary_sv2::Str0255;
use common_messages_sv2 as common;
use extensions_sv2 as extensions;
use mining_sv2 as mining;
use p2p::Frame;

/// A message from the pool.
#[derive(Clone, Debug)]
pub enum Message {
    /// SetupConnection.Success
    SetupConnectionSuccess(common::SetupConnectionSuccess),
    /// SetupConnection.Error
    SetupConnectionError(common::SetupConnectionErrorOwned),
    /// Reconnect
    Reconnect(common::ReconnectOwned),
    /// RequestExtensions.Success
    RequestExtensionsSuccess(extensions::RequestExtensionsSuccessOwned),
    /// RequestExtensions.Error
    RequestExtensionsError(extensions::RequestExtensionsErrorOwned),
    /// OpenStandardMiningChannel.Success
    OpenStandardSuccess(mining::OpenStandardMiningChannelSuccessOwned),
    /// OpenExtendedMiningChannel.Success
    OpenExtendedSuccess(mining::OpenExtendedMiningChannelSuccessOwned),
    /// OpenMiningChannel.Error
    OpenError(mining::OpenMiningChannelErrorOwned),
    /// NewMiningJob
    NewMiningJob(mining::NewMiningJobOwned),
    /// NewExtendedMiningJob
    NewExtendedMiningJob(mining::NewExtendedMiningJobOwned),
    /// SetNewPrevHash
    SetNewPrevHash(mining::SetNewPrevHashOwned),
    /// SetTarget
    SetTarget(mining::SetTargetOwned),
    /// SetExtranoncePrefix
    SetExtranoncePrefix(mining::SetExtranoncePrefixOwned),
    /// SetGroupChannel
    SetGroupChannel(mining::SetGroupChannelOwned),
    /// UpdateChannel.Error
    UpdateChannelError(mining::UpdateChannelErrorOwned),
    /// CloseChannel
    CloseChannel(mining::CloseChannelOwned),
    /// SetCustomMiningJob.Error
    SetCustomMiningJobError(mining::SetCustomMiningJobErrorOwned),
    /// SubmitShares.Success
    SubmitSuccess(mining::SubmitSharesSuccess),
    /// SubmitShares.Error
    SubmitError(mining::SubmitSharesErrorOwned),
    /// Anything else.
    Unknown {
        /// Extension of the frame.
        extension_type: u16,
        /// Type of the frame.
        msg_type: u8,
        /// Its payload.
        payload: Vec<u8>,
    },
}

/// Decodes into `$variant` after checking the channel_msg bit that the spec wants.
macro_rules! decode {
    ($frame:ident, $variant:ident, $type:ty, $channel_bit:expr) => {{
        ensure!(
            $frame.header.channel_msg == $channel_bit,
            "{} came with channel_msg {}",
            stringify!($variant),
            $frame.header.channel_msg
        );
        let message: $type = binary_sv2::from_bytes($frame.payload)
            .map_err(|error| anyhow!("{} does not decode: {error:?}", stringify!($variant)))?;
        Message::$variant(message.into_owned())
    }};
}

impl Message {
    /// Decodes a frame.
    ///
    /// # Errors
    /// When a known message is malformed or its channel_msg bit is not the spec's.
    pub fn decode(frame: Frame<'_>) -> Result<Message> {
        use {common::*, extensions::*, mining::*};
        let header = frame.header;
        Ok(match (header.extension_type, header.msg_type) {
            (0, MESSAGE_TYPE_SETUP_CONNECTION_SUCCESS) => decode!(
                frame,
                SetupConnectionSuccess,
                SetupConnectionSuccess,
                CHANNEL_BIT_SETUP_CONNECTION_SUCCESS
            ),
            (0, MESSAGE_TYPE_SETUP_CONNECTION_ERROR) => {
                decode!(frame, SetupConnectionError, SetupConnectionError, CHANNEL_BIT_SETUP_CONNECTION_ERROR)
            }
            (0, MESSAGE_TYPE_RECONNECT) => decode!(frame, Reconnect, Reconnect, CHANNEL_BIT_RECONNECT),
            (1, MESSAGE_TYPE_REQUEST_EXTENSIONS_SUCCESS) => decode!(
                frame,
                RequestExtensionsSuccess,
                RequestExtensionsSuccess,
                CHANNEL_BIT_REQUEST_EXTENSIONS_SUCCESS
            ),
            (1, MESSAGE_TYPE_REQUEST_EXTENSIONS_ERROR) => decode!(
                frame,
                RequestExtensionsError,
                RequestExtensionsError,
                CHANNEL_BIT_REQUEST_EXTENSIONS_ERROR
            ),
            (0, MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL_SUCCESS) => decode!(
                frame,
                OpenStandardSuccess,
                OpenStandardMiningChannelSuccess,
                CHANNEL_BIT_OPEN_STANDARD_MINING_CHANNEL_SUCCESS
            ),
            (0, MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL_SUCCESS) => decode!(
                frame,
                OpenExtendedSuccess,
                OpenExtendedMiningChannelSuccess,
                CHANNEL_BIT_OPEN_EXTENDED_MINING_CHANNEL_SUCCESS
            ),
            (0, MESSAGE_TYPE_OPEN_MINING_CHANNEL_ERROR) => {
                decode!(frame, OpenError, OpenMiningChannelError, CHANNEL_BIT_OPEN_MINING_CHANNEL_ERROR)
            }
            (0, MESSAGE_TYPE_NEW_MINING_JOB) => {
                decode!(frame, NewMiningJob, NewMiningJob, CHANNEL_BIT_NEW_MINING_JOB)
            }
            (0, MESSAGE_TYPE_NEW_EXTENDED_MINING_JOB) => decode!(
                frame,
                NewExtendedMiningJob,
                NewExtendedMiningJob,
                CHANNEL_BIT_NEW_EXTENDED_MINING_JOB
            ),
            (0, MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH) => {
                decode!(frame, SetNewPrevHash, SetNewPrevHash, CHANNEL_BIT_MINING_SET_NEW_PREV_HASH)
            }
            (0, MESSAGE_TYPE_SET_TARGET) => decode!(frame, SetTarget, SetTarget, CHANNEL_BIT_SET_TARGET),
            (0, MESSAGE_TYPE_SET_EXTRANONCE_PREFIX) => {
                decode!(frame, SetExtranoncePrefix, SetExtranoncePrefix, CHANNEL_BIT_SET_EXTRANONCE_PREFIX)
            }
            (0, MESSAGE_TYPE_SET_GROUP_CHANNEL) => {
                decode!(frame, SetGroupChannel, SetGroupChannel, CHANNEL_BIT_SET_GROUP_CHANNEL)
            }
            (0, MESSAGE_TYPE_UPDATE_CHANNEL_ERROR) => {
                decode!(frame, UpdateChannelError, UpdateChannelError, CHANNEL_BIT_UPDATE_CHANNEL_ERROR)
            }
            (0, MESSAGE_TYPE_CLOSE_CHANNEL) => {
                decode!(frame, CloseChannel, CloseChannel, CHANNEL_BIT_CLOSE_CHANNEL)
            }
            (0, MESSAGE_TYPE_SET_CUSTOM_MINING_JOB_ERROR) => decode!(
                frame,
                SetCustomMiningJobError,
                SetCustomMiningJobError,
                CHANNEL_BIT_SET_CUSTOM_MINING_JOB_ERROR
            ),
            (0, MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS) => {
                decode!(frame, SubmitSuccess, SubmitSharesSuccess, CHANNEL_BIT_SUBMIT_SHARES_SUCCESS)
            }
            (0, MESSAGE_TYPE_SUBMIT_SHARES_ERROR) => {
                decode!(frame, SubmitError, SubmitSharesError, CHANNEL_BIT_SUBMIT_SHARES_ERROR)
            }
            (extension_type, msg_type) => {
                Message::Unknown { extension_type, msg_type, payload: frame.payload.to_vec() }
            }
        })
    }

    /// The channel or group that a message about an open channel is for.
    pub fn channel_id(&self) -> Option<u32> {
        Some(match self {
            Message::NewMiningJob(message) => message.channel_id,
            Message::NewExtendedMiningJob(message) => message.channel_id,
            Message::SetNewPrevHash(message) => message.channel_id,
            Message::SetTarget(message) => message.channel_id,
            Message::SetExtranoncePrefix(message) => message.channel_id,
            Message::UpdateChannelError(message) => message.channel_id,
            Message::CloseChannel(message) => message.channel_id,
            Message::SetCustomMiningJobError(message) => message.channel_id,
            Message::SubmitSuccess(message) => message.channel_id,
            Message::SubmitError(message) => message.channel_id,
            _ => return None,
        })
    }
}

/// A message's bytes.
///
/// # Errors
/// When a field is too long.
pub fn bytes<T: binary_sv2::Serialize + binary_sv2::GetSize>(message: T) -> Result<Vec<u8>> {
    binary_sv2::to_bytes(message).map_err(codec_error)
}

/// A string field.
///
/// # Errors
/// When it is longer than 255 bytes.
pub fn text(value: &str) -> Result<Str0255<'_>> {
    value.try_into().map_err(codec_error)
}

/// The codec's errors are no `std::error::Error`s.
pub fn codec_error(error: binary_sv2::Error) -> anyhow::Error {
    anyhow!("{error:?}")
}
