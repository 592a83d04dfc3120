//! Requests, by the pattern of their route, method and status.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use actix_web::http::{Method, StatusCode};

use super::histogram::{Histogram, Reading};

/// What the route of a request is called that no route is for. Never its path: that is the client's to choose.
const NO_ROUTE: &str = "none";

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "other"];

/// The first status there is (RFC 9110, section 15), and how many.
const FIRST_STATUS: u16 = 100;
const STATUSES: usize = 500;

/// All routes that were asked for, whichever worker answered.
#[derive(Default)]
pub(crate) struct Requests(Mutex<Vec<Arc<Route>>>);

/// The counts of one route.
struct Route {
    pattern: String,
    /// Made at the first request with the method.
    methods: [OnceLock<OfMethod>; METHODS.len()],
}

struct OfMethod {
    /// A count for each status.
    statuses: Box<[AtomicU64]>,
    took: Histogram,
}

/// What is to be told of one route and method.
pub(crate) struct Answered {
    pub route: String,
    pub method: &'static str,
    /// Each status that was answered, and how often.
    pub statuses: Vec<(u16, u64)>,
    pub took: Reading,
}

impl Requests {
    /// The route with this pattern, known to all from now on.
    fn route(&self, pattern: &str) -> Arc<Route> {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = routes.iter().find(|route| route.pattern == pattern) {
            return Arc::clone(route);
        }
        let route = Arc::new(Route { pattern: pattern.to_owned(), methods: Default::default() });
        routes.push(Arc::clone(&route));
        route
    }

    /// All that was answered, by route and method.
    pub fn answered(&self) -> Vec<Answered> {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        routes.sort_by(|one, other| one.pattern.cmp(&other.pattern));
        let methods = |route: Arc<Route>| {
            let used = METHODS.iter().zip(&route.methods).filter_map(|(method, counts)| Some((method, counts.get()?)));
            let answered = |(method, counts): (&&'static str, &OfMethod)| Answered {
                route: route.pattern.clone(),
                method,
                statuses: counts.statuses(),
                took: counts.took.read(),
            };
            used.map(answered).collect::<Vec<_>>()
        };
        routes.into_iter().flat_map(methods).collect()
    }
}

impl Route {
    fn count(&self, method: &Method, status: StatusCode, took: Duration) {
        let index = METHODS.iter().position(|name| *name == method.as_str()).unwrap_or(METHODS.len() - 1);
        let Some(counts) = self.methods.get(index) else { return };
        let counts = counts.get_or_init(|| OfMethod {
            statuses: (0..STATUSES).map(|_| AtomicU64::new(0)).collect(),
            took: Histogram::of_times(),
        });
        let status = usize::from(status.as_u16().saturating_sub(FIRST_STATUS));
        if let Some(count) = counts.statuses.get(status) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        counts.took.took(took);
    }
}

impl OfMethod {
    fn statuses(&self) -> Vec<(u16, u64)> {
        let counts = self.statuses.iter().map(|count| count.load(Ordering::Relaxed));
        (FIRST_STATUS..).zip(counts).filter(|(_, count)| *count > 0).collect()
    }
}

/// A worker's view of the routes: it looks up what it knows without a lock, and takes one only for a route it sees for the first time.
pub(crate) struct OfWorker {
    metrics: Arc<super::Metrics>,
    known: RefCell<HashMap<String, Arc<Route>>>,
}

impl OfWorker {
    /// Nothing known yet.
    pub fn new(metrics: Arc<super::Metrics>) -> Self {
        Self { metrics, known: RefCell::default() }
    }

    /// A request was answered. `pattern` is that of its route; there are as many as the program has routes.
    pub fn answered(&self, pattern: Option<&str>, method: &Method, status: StatusCode, took: Duration) {
        let pattern = pattern.unwrap_or(NO_ROUTE);
        let mut known = self.known.borrow_mut();
        if let Some(route) = known.get(pattern) {
            return route.count(method, status, took);
        }
        let route = self.metrics.requests.route(pattern);
        route.count(method, status, took);
        known.insert(pattern.to_owned(), route);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use crate::token::Clock;

    const TOOK: Duration = Duration::from_micros(300);

    fn worker() -> (OfWorker, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::new(Clock::system(), Vec::new()));
        (OfWorker::new(Arc::clone(&metrics)), metrics)
    }

    #[test]
    fn workers_count_together() {
        let (one, metrics) = worker();
        let other = OfWorker::new(Arc::clone(&metrics));
        for worker in [&one, &other, &one] {
            worker.answered(Some("/users/{id}"), &Method::GET, StatusCode::OK, TOOK);
        }
        other.answered(Some("/users/{id}"), &Method::GET, StatusCode::NOT_FOUND, TOOK);
        other.answered(Some("/users/{id}"), &Method::DELETE, StatusCode::NO_CONTENT, TOOK);
        let answered = metrics.requests.answered();
        assert_eq!(answered.len(), 2);
        assert_eq!((answered[0].method, &answered[0].statuses), ("GET", &vec![(200, 3), (404, 1)]));
        assert_eq!((answered[1].method, &answered[1].statuses), ("DELETE", &vec![(204, 1)]));
        assert_eq!(answered[0].took.count, 4);
    }

    #[test]
    fn what_a_client_invents_makes_no_new_names() {
        let (worker, metrics) = worker();
        for number in 0..100 {
            let method = Method::from_bytes(format!("METHOD{number}").as_bytes()).unwrap();
            worker.answered(None, &method, StatusCode::from_u16(999).unwrap(), TOOK);
        }
        let answered = metrics.requests.answered();
        assert_eq!(answered.len(), 1);
        assert_eq!((answered[0].route.as_str(), answered[0].method, answered[0].took.count), ("none", "other", 100));
    }

    #[test]
    fn a_request_like_one_before_allocates_nothing() {
        let (worker, _) = worker();
        let answer = || worker.answered(Some("/api/profile"), &Method::GET, StatusCode::OK, TOOK);
        answer();
        assert_eq!(allocation_counter::measure(answer).count_total, 0);
    }
}
