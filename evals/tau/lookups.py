"""The reads that the rules want before a call, where a truth leaves them out: an agent may always look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .material import Call, DomainName
from .shop import Shop


def wanted_before(domain: DomainName, call: Call, shop: Shop, owner: str | None, words: str) -> Iterator[Call]:
    """Reads in the order an agent would make them. `owner` is the customer of the task, where it has one; `words` are
    what that customer says, by which a shop finds them."""
    if domain == "airline":
        yield from _airline(call, shop, owner)
    else:
        yield from _retail(call, shop, owner, words)


def owner_of(domain: DomainName, truth: tuple[Call, ...], database: dict[str, Any]) -> str | None:
    """Whose task it is: the user that a call names, or the owner of the first record that one does."""
    table, key = ("reservations", "reservation_id") if domain == "airline" else ("orders", "order_id")
    for call in truth:
        if "user_id" in call.arguments:
            return str(call.arguments["user_id"])
        record = database[table].get(call.arguments.get(key))
        if record is not None:
            return str(record["user_id"])
    return None


def _airline(call: Call, shop: Shop, owner: str | None) -> Iterator[Call]:
    if not is_write(call):
        return
    if owner is not None:
        yield Call("get_user_details", {"user_id": owner})
    if "reservation_id" in call.arguments:
        yield Call("get_reservation_details", {"reservation_id": call.arguments["reservation_id"]})
    for leg in call.arguments.get("flights", ()):
        flight = shop.find("flights", leg["flight_number"])
        route = {"origin": flight["origin"], "destination": flight["destination"], "date": leg["date"]}
        yield Call("search_direct_flight", route)


def _retail(call: Call, shop: Shop, owner: str | None, words: str) -> Iterator[Call]:
    if owner is not None and not call.tool.startswith("find_"):
        user = shop.find("users", owner)
        if user["email"] in words:
            yield Call("find_user_id_by_email", {"email": user["email"]})
        else:
            yield Call("find_user_id_by_name_zip", {**user["name"], "zip": user["address"]["zip"]})
        yield Call("get_user_details", {"user_id": owner})
    if not is_write(call):
        return
    if "order_id" in call.arguments:
        order = shop.find("orders", call.arguments["order_id"])
        yield Call("get_order_details", {"order_id": call.arguments["order_id"]})
        if "new_item_ids" in call.arguments:
            for product in dict.fromkeys(item["product_id"] for item in order["items"]):
                yield Call("get_product_details", {"product_id": product})
    if "address1" in call.arguments and owner is not None:
        # An address that the customer calls "the one of my other order".
        for order_id in shop.find("users", owner)["orders"]:
            yield Call("get_order_details", {"order_id": order_id})


_WRITING = ("book_", "cancel_", "update_", "modify_", "return_", "exchange_", "send_")


def is_write(call: Call) -> bool:
    """Whether the call changes the database."""
    return call.tool.startswith(_WRITING)
