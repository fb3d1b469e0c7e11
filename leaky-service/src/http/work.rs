//! Endpoints that work: a search through a list in memory, and an order that is added up.

use std::sync::{Arc, OnceLock};

use axum::extract::{Request, State};
use serde::Serialize;

use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use super::query;
use crate::endpoint::Endpoint;
use crate::service::Service;

/// Names of products are one of each; together 1,920.
const COLOURS: [&str; 16] = [
    "amber", "azure", "black", "blue", "brown", "coral", "green", "grey", "indigo", "ivory",
    "olive", "orange", "purple", "red", "teal", "white",
];
const THINGS: [&str; 20] = [
    "anchor", "basket", "bell", "candle", "chair", "clock", "cup", "drum", "kettle", "kite",
    "ladder", "lamp", "mirror", "pillow", "ruler", "shelf", "spoon", "table", "vase", "wheel",
];
const SIZES: [&str; 6] = ["tiny", "small", "medium", "large", "huge", "giant"];

/// Products that a search names at most.
pub const MOST_NAMED: usize = 10;

/// Positions of an order: at first, and at most.
pub const ITEMS: u32 = 20;
pub const MOST_ITEMS: u32 = 1000;

/// Value added tax, in percent.
const TAX_PERCENT: u64 = 19;

/// What a search has found.
#[derive(Serialize)]
pub struct Found {
    query: String,
    matches: usize,
    products: Vec<&'static str>,
}

/// An order, with prices in cents.
#[derive(Serialize)]
pub struct Order {
    items: Vec<Item>,
    net_cents: u64,
    tax_cents: u64,
    total_cents: u64,
}

#[derive(Serialize)]
struct Item {
    product: &'static str,
    quantity: u64,
    price_cents: u64,
}

/// Looks through all products for every word of `?q=`.
pub async fn search(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Answer<Found>, Problem> {
    let (parts, _body) = request.into_parts();
    let query = query::text(&parts.uri, "q")?.unwrap_or_else(|| "blue".to_owned());
    let call = Call::begin(&service, Endpoint::Search, &parts);
    Ok(call.answer(find(query)))
}

/// Adds up an order of `?items=` positions.
pub async fn orders(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Answer<Order>, Problem> {
    let (parts, _body) = request.into_parts();
    let items = query::number(&parts.uri, "items", ITEMS, 1..=MOST_ITEMS)?;
    let call = Call::begin(&service, Endpoint::Orders, &parts);
    Ok(call.answer(order(items as usize)))
}

fn find(query: String) -> Found {
    let wanted = query.to_lowercase();
    let matches = |product: &&String| wanted.split_whitespace().all(|word| product.contains(word));
    let found: Vec<_> = products().iter().filter(matches).map(String::as_str).collect();
    let matches = found.len();
    Found { query, matches, products: found.into_iter().take(MOST_NAMED).collect() }
}

fn order(items: usize) -> Order {
    let item = |(index, product): (usize, &'static String)| Item {
        product,
        quantity: index as u64 % 5 + 1,
        price_cents: 199 + 37 * product.len() as u64,
    };
    // Not in the order of the list: 7 and the number of products have no common divisor.
    let picked = products().iter().cycle().step_by(7);
    let items: Vec<_> = picked.take(items).enumerate().map(item).collect();
    let net_cents = items.iter().map(|item| item.quantity * item.price_cents).sum();
    let tax_cents = (net_cents * TAX_PERCENT + 50) / 100;
    Order { items, net_cents, tax_cents, total_cents: net_cents + tax_cents }
}

/// Made once; a fixed list, so nothing here grows with requests.
fn products() -> &'static [String] {
    static PRODUCTS: OnceLock<Vec<String>> = OnceLock::new();
    PRODUCTS.get_or_init(|| {
        let pairs = COLOURS.iter().flat_map(|colour| THINGS.map(|thing| (colour, thing)));
        pairs
            .flat_map(|(colour, thing)| SIZES.map(|size| format!("{size} {colour} {thing}")))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_finds_the_products_with_every_word() {
        for (query, matches) in
            [("blue", 120), ("BLUE lamp", 6), ("tiny blue lamp", 1), ("", 1920), ("nothing", 0)]
        {
            let found = find(query.to_owned());
            assert_eq!(found.matches, matches, "{query}");
            assert_eq!(found.products.len(), matches.min(MOST_NAMED), "{query}");
        }
    }

    #[test]
    fn an_order_adds_up() {
        let order = order(3);
        let sum: u64 = order.items.iter().map(|item| item.quantity * item.price_cents).sum();
        assert_eq!((order.items.len(), order.net_cents), (3, sum));
        assert_eq!(order.total_cents, sum + (sum * 19 + 50) / 100);
    }
}
