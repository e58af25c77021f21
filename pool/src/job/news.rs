//! Word to thousands of connections that there are new jobs.
//!
//! A `tokio::sync::watch` would wake all of them in one go: that walks through the memory of
//! every one, and by the time that the last is woken nothing of the first is in a cache any
//! more. Here the wakers stand side by side, and so many at a time are woken as run at once,
//! before the next are. Nor does a connection register anew for each burst of shares: its
//! waker stays.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::sync::Notify;

/// The one who tells. When it is dropped, listeners are told that nothing will follow.
#[derive(Debug)]
pub struct Crier(Arc<Square>);

/// Where to listen. Cheap to clone.
#[derive(Clone, Debug)]
pub struct News(Arc<Square>);

/// One connection's ear.
#[derive(Debug)]
pub struct Listener {
    square: Arc<Square>,
    /// The news that it has heard.
    heard: u64,
    /// Its place, once it waits, and whom to wake there.
    place: Option<(usize, Waker)>,
}

#[derive(Debug, Default)]
struct Square {
    number: AtomicU64,
    is_over: AtomicBool,
    places: Mutex<Places>,
    /// Wakes the task that wakes the others.
    call: Notify,
}

#[derive(Debug, Default)]
struct Places {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
    /// Where the next round begins: nobody is always the last to know.
    next: usize,
}

/// Woken at a time: they fit a worker's queue, and its caches.
const AT_A_TIME: usize = 128;

/// The two ends, and the work of passing the word on, which ends with the crier.
pub fn news() -> (Crier, News, impl Future<Output = ()> + Send + 'static) {
    let square = Arc::new(Square::default());
    (Crier(square.clone()), News(square.clone()), pass_on(square))
}

impl Crier {
    /// There is something new. Returns at once.
    pub fn cry(&self) {
        self.0.number.fetch_add(1, Ordering::AcqRel);
        self.0.call.notify_one();
    }
}

impl Drop for Crier {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Release);
        self.cry();
    }
}

impl News {
    /// A listener, for what comes from now on.
    pub fn listen(&self) -> Listener {
        let heard = self.0.number.load(Ordering::Acquire);
        Listener { square: self.0.clone(), heard, place: None }
    }
}

impl Listener {
    /// Waits for news; false when there will be none any more. May be dropped and called again
    /// without missing any.
    pub async fn next(&mut self) -> bool {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &Context<'_>) -> Poll<bool> {
        if let Some(heard) = self.look() {
            return Poll::Ready(heard);
        }
        if self.place.as_ref().is_some_and(|(_, waker)| waker.will_wake(context.waker())) {
            return Poll::Pending;
        }
        let waker = context.waker().clone();
        let place = self.square.places().put(self.place.take().map(|(place, _)| place), waker.clone());
        self.place = Some((place, waker));
        // What came before the waker stood there woke nobody.
        self.look().map_or(Poll::Pending, Poll::Ready)
    }

    fn look(&mut self) -> Option<bool> {
        let number = self.square.number.load(Ordering::Acquire);
        if number != self.heard {
            self.heard = number;
            return Some(!self.square.is_over.load(Ordering::Acquire));
        }
        self.square.is_over.load(Ordering::Acquire).then_some(false)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some((place, _)) = self.place.take() {
            self.square.places().leave(place);
        }
    }
}

impl Square {
    fn places(&self) -> MutexGuard<'_, Places> {
        // A panic cannot leave a list of wakers half written.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    fn put(&mut self, place: Option<usize>, waker: Waker) -> usize {
        let place = place.or_else(|| self.free.pop()).unwrap_or(self.wakers.len());
        match self.wakers.get_mut(place) {
            Some(held) => *held = Some(waker),
            None => self.wakers.push(Some(waker)),
        }
        place
    }

    fn leave(&mut self, place: usize) {
        if let Some(held) = self.wakers.get_mut(place) {
            *held = None;
            self.free.push(place);
        }
    }

    /// Wakes the next few; how many places that were.
    fn wake_some(&mut self) -> usize {
        let count = self.wakers.len();
        let here = self.next.min(count);
        let some = self.wakers.get(here..(here + AT_A_TIME).min(count)).unwrap_or_default();
        some.iter().flatten().for_each(Waker::wake_by_ref);
        self.next = if here + some.len() >= count { 0 } else { here + some.len() };
        some.len()
    }
}

/// Wakes everybody for each piece of news.
async fn pass_on(square: Arc<Square>) {
    loop {
        square.call.notified().await;
        let is_over = square.is_over.load(Ordering::Acquire);
        let mut told_of = square.number.load(Ordering::Acquire);
        let mut left = square.places().wakers.len();
        while left > 0 {
            left = left.saturating_sub(square.places().wake_some());
            tokio::task::yield_now().await;
            // Newer ones begin a round of their own, from here.
            let newest = square.number.load(Ordering::Acquire);
            if newest != told_of {
                (told_of, left) = (newest, square.places().wakers.len());
            }
        }
        if is_over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::task::JoinSet;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn everybody_hears_of_the_newest_however_many_they_are_and_of_the_end() {
        let (crier, news, pass_on) = news();
        let passing = tokio::spawn(pass_on);
        let mut listeners = JoinSet::new();
        for _ in 0..3 * AT_A_TIME {
            let (mut listener, last) = (news.listen(), 20);
            listeners.spawn(async move {
                while listener.next().await {}
                assert_eq!(listener.heard, last + 1);
            });
        }
        for _ in 0..20 {
            crier.cry();
            tokio::task::yield_now().await;
        }
        drop(crier);
        while let Some(listener) = listeners.join_next().await {
            listener.unwrap();
        }
        passing.await.unwrap();
        assert!(!news.listen().next().await, "who comes after the end hears of it");
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_misses_nothing_and_a_place_that_is_left_is_given_to_the_next() {
        let (crier, news, pass_on) = news();
        tokio::spawn(pass_on);
        let mut listener = news.listen();
        for _ in 0..3 {
            tokio::select! {
                biased;
                _ = listener.next() => unreachable!("there is no news"),
                () = std::future::ready(()) => {}
            }
        }
        assert_eq!(news.0.places().wakers.len(), 1);
        crier.cry();
        assert!(listener.next().await);
        drop(listener);
        let mut next = news.listen();
        let waits = tokio::spawn(async move { next.next().await });
        while news.0.places().wakers.iter().flatten().count() == 0 {
            tokio::task::yield_now().await;
        }
        crier.cry();
        assert!(waits.await.unwrap());
        assert_eq!(news.0.places().wakers.len(), 1);
    }
}
