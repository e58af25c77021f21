//! Our client and our server.

use super::*;
use p2p::WireError;

#[tokio::test]
async fn frames_of_every_telling_length_arrive_in_both_directions() {
    let (mut client, mut server) = session(1 << 16, wide()).await;
    for (from, to) in [(&mut client.writer, &mut server.reader), (&mut server.writer, &mut client.reader)] {
        for (number, length) in TELLING_LENGTHS.into_iter().enumerate() {
            let sent = payload(length);
            let channel_msg = number % 2 == 0;
            from.queue(number as u16, channel_msg, 0x1a, &[&sent]).unwrap();
            let (flushed, received) = tokio::join!(from.flush(), to.next());
            flushed.unwrap();
            let (header, received) = owned(received.unwrap().unwrap());
            let expected = FrameHeader {
                extension_type: number as u16,
                channel_msg,
                msg_type: 0x1a,
                length: length as u32,
            };
            assert_eq!(header, expected);
            assert!(received == sent, "payload of {length} bytes differs");
        }
    }
}

#[tokio::test]
async fn a_payload_in_pieces_arrives_as_one() {
    let (mut client, mut server) = session(1 << 18, wide()).await;
    let whole = payload(150_000);
    let (first, rest) = whole.split_at(65_000);
    let (second, third) = rest.split_at(1_000);
    client.writer.queue(0, false, 1, &[first, &[], second, third]).unwrap();
    client.writer.flush().await.unwrap();
    assert!(server.reader.next().await.unwrap().unwrap().payload == whole);
}

#[tokio::test]
async fn a_burst_is_taken_without_reading_again() {
    let (mut client, mut server) = session(1 << 16, wide()).await;
    for number in 0..20 {
        client.writer.queue(0, true, number, &[&[number; 24]]).unwrap();
    }
    client.writer.flush().await.unwrap();
    let mut numbers = vec![server.reader.next().await.unwrap().unwrap().header.msg_type];
    while let Some(frame) = server.reader.try_next().unwrap() {
        assert_eq!(frame.payload, [frame.header.msg_type; 24]);
        numbers.push(frame.header.msg_type);
    }
    assert_eq!(numbers, (0..20).collect::<Vec<u8>>());
}

#[tokio::test]
async fn try_next_without_a_whole_frame_is_none() {
    let (_client, mut server) = session(1 << 16, wide()).await;
    assert_eq!(server.reader.try_next().unwrap(), None);
}

#[tokio::test]
async fn a_close_between_frames_is_the_end_and_not_an_error() {
    let (mut client, mut server) = session(1 << 16, wide()).await;
    client.writer.queue(0, false, 7, &[]).unwrap();
    client.writer.shutdown().await.unwrap();
    assert_eq!(server.reader.next().await.unwrap().unwrap().header.msg_type, 7);
    assert_eq!(server.reader.next().await.unwrap(), None);
    assert_eq!(server.reader.next().await.unwrap(), None);
    assert!(matches!(client.writer.queue(0, false, 7, &[]), Err(WireError::Ended)));
}
