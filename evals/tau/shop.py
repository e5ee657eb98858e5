"""A shop that answers tau2's tools from its database, as far as the rules look at answers.

Reads answer what the database holds. Writes answer the record with the call laid over it; prices and seats are not
kept, because no rule asks for them. tau2's own tools refuse more (a full flight, a card without cover); a truth needs
none of that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final

from .material import Call


class Refused(Exception):
    """The tool answers with an error."""


class Shop:
    """One customer's visit: its writes are seen by its later reads, and by nobody else's."""

    def __init__(self, database: Mapping[str, Any]) -> None:
        self._database = database
        self._changed: dict[tuple[str, str], dict[str, Any]] = {}

    def answer(self, call: Call) -> Call:
        """The same call with what the tool answers."""
        tool = _TOOLS.get(call.tool)
        try:
            output = "" if tool is None else tool(self, call.arguments)
        except Refused as error:
            return Call(call.tool, call.arguments, f"Error: {error}", failed=True)
        return Call(call.tool, call.arguments, output)

    def find(self, table: str, key: str) -> dict[str, Any]:
        """One record. Raises Refused where there is none."""
        found = self._changed.get((table, key)) or self._database[table].get(key)
        if found is None:
            raise Refused(f"{table} has no {key}")
        record: dict[str, Any] = found
        return record

    def change(self, table: str, key: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        record = {**deepcopy(self.find(table, key)), **changes}
        self._changed[table, key] = record
        return record

    def rows(self, table: str) -> Mapping[str, Any]:
        rows: Mapping[str, Any] = self._database[table]
        return rows


Arguments = Mapping[str, Any]


def _by_name(shop: Shop, asked: Arguments) -> str:
    wanted = (asked["first_name"].casefold(), asked["last_name"].casefold(), asked["zip"])
    for key, user in shop.rows("users").items():
        name = user["name"]
        if (name["first_name"].casefold(), name["last_name"].casefold(), user["address"]["zip"]) == wanted:
            return str(key)
    raise Refused("user not found")


def _by_mail(shop: Shop, asked: Arguments) -> str:
    for key, user in shop.rows("users").items():
        if user["email"].casefold() == asked["email"].casefold():
            return str(key)
    raise Refused("user not found")


def _item(shop: Shop, asked: Arguments) -> dict[str, Any]:
    for product in shop.rows("products").values():
        if asked["item_id"] in product["variants"]:
            found: dict[str, Any] = product["variants"][asked["item_id"]]
            return found
    raise Refused("item not found")


def _direct_flights(shop: Shop, asked: Arguments) -> list[dict[str, Any]]:
    return [
        {name: flight[name] for name in ("flight_number", "origin", "destination")} | flight["dates"][asked["date"]]
        for flight in shop.rows("flights").values()
        if (flight["origin"], flight["destination"]) == (asked["origin"], asked["destination"])
        and flight["dates"].get(asked["date"], {}).get("status") == "available"
    ]


def _change_flights(shop: Shop, asked: Arguments) -> dict[str, Any]:
    flights = [
        {"flight_number": leg["flight_number"], "date": leg["date"]}
        | {name: shop.find("flights", leg["flight_number"])[name] for name in ("origin", "destination")}
        for leg in asked["flights"]
    ]
    return shop.change("reservations", asked["reservation_id"], {"cabin": asked["cabin"], "flights": flights})


def _read(table: str, key: str) -> Callable[[Shop, Arguments], dict[str, Any]]:
    return lambda shop, asked: shop.find(table, asked[key])


def _write(table: str, key: str, **changes: Any) -> Callable[[Shop, Arguments], dict[str, Any]]:
    """`changes` laid over the record; without any, the call's other arguments are."""
    return lambda shop, asked: shop.change(
        table, asked[key], changes or {name: value for name, value in asked.items() if name != key}
    )


def _of_status(
    wanted: str, write: Callable[[Shop, Arguments], dict[str, Any]]
) -> Callable[[Shop, Arguments], dict[str, Any]]:
    """tau2's tools themselves check an order's status; an error there is no write, and a second try may follow."""

    def checked(shop: Shop, asked: Arguments) -> dict[str, Any]:
        if shop.find("orders", asked["order_id"])["status"] != wanted:
            raise Refused(f"the order is not {wanted}")
        return write(shop, asked)

    return checked


_RETURNS: Final = {"status": "return requested"}
_EXCHANGES: Final = {"status": "exchange requested"}

_TOOLS: Final[Mapping[str, Callable[[Shop, Arguments], Any]]] = {
    # airline
    "get_user_details": _read("users", "user_id"),
    "get_reservation_details": _read("reservations", "reservation_id"),
    "search_direct_flight": _direct_flights,
    "cancel_reservation": _write("reservations", "reservation_id", status="cancelled"),
    "update_reservation_flights": _change_flights,
    "update_reservation_passengers": _write("reservations", "reservation_id"),
    "update_reservation_baggages": _write("reservations", "reservation_id"),
    "book_reservation": lambda _, asked: {"reservation_id": "HATHAT", **asked},
    # retail
    "find_user_id_by_name_zip": _by_name,
    "find_user_id_by_email": _by_mail,
    "get_order_details": _read("orders", "order_id"),
    "get_product_details": _read("products", "product_id"),
    "get_item_details": _item,
    "cancel_pending_order": _of_status("pending", _write("orders", "order_id", status="cancelled")),
    "modify_pending_order_items": _of_status("pending", _write("orders", "order_id", status="pending (item modified)")),
    "modify_pending_order_address": _of_status("pending", _write("orders", "order_id")),
    "modify_pending_order_payment": _of_status("pending", _write("orders", "order_id")),
    "modify_user_address": _write("users", "user_id"),
    "return_delivered_order_items": _of_status("delivered", _write("orders", "order_id", **_RETURNS)),
    "exchange_delivered_order_items": _of_status("delivered", _write("orders", "order_id", **_EXCHANGES)),
}
"""What is not here (`calculate`, `think`, `transfer_to_human_agents`) answers an empty text."""
