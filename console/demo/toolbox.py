"""The functions of the demonstration's application: a helpdesk that knows weather, bills and
accounts. Pure."""

from __future__ import annotations

from typing import Any

Definition = dict[str, Any]


def define(name: str, description: str, /, *, needs: str = "", **parameters: Any) -> Definition:
    """An OpenAI definition. ``parameters`` are schemas, or a text for a described string;
    ``needs`` names the required ones."""
    properties = {
        key: {"type": "string", "description": value} if isinstance(value, str) else value
        for key, value in parameters.items()
    }
    schema = {
        "type": "object",
        "properties": properties,
        "required": needs.split(),
        "additionalProperties": False,
    }
    function = {"name": name, "description": description, "parameters": schema}
    return {"type": "function", "function": function}


CITY = "City, such as Oslo"
ACCOUNT = "Number of the account, such as A-1042"
UNITS = {"type": "string", "enum": ["celsius", "fahrenheit"]}
DAYS = {"type": "integer", "minimum": 1, "maximum": 7, "description": "How many days ahead"}
AMOUNT = {"type": "number", "minimum": 0, "description": "Amount in dollars"}

VAGUE_WEATHER = define("get_weather", "Get weather", needs="city", city=CITY, unit=UNITS)
GET_WEATHER = define(
    "get_weather",
    "Get current weather for a city. Use ONLY for present conditions, not forecasts.",
    needs="city", city=CITY, unit=UNITS,
)  # fmt: skip
ADVICE = "Advise what to wear at a place, by its temperature."
TEMPERATURE = {"type": "number", "description": "Degrees celsius outside"}
SUGGEST_CLOTHES = define(
    "suggest_clothes", ADVICE, needs="city temperature", city=CITY, temperature=TEMPERATURE
)
MISSPELT_CLOTHES = define(
    "suggest_clothes", ADVICE, needs="city temprature", city=CITY, temprature=TEMPERATURE
)
TAXES = "Work out the tax of an amount in a country"
CALCULATE_TAX = define(
    "calculate_tax", TAXES, needs="amount country", amount=AMOUNT, country="ISO code, such as NO"
)
CALCULATE_TAZ = define(
    "calculate_taz", TAXES, needs="amount country", amount=AMOUNT, country="ISO code, such as NO"
)
CANCEL = define(
    "cancel_subscription",
    "Cancel the customer's subscription at once. It cannot be undone.",
    needs="account",
    account=ACCOUNT, confirmation_code="The code that was mailed to the customer",
)  # fmt: skip
PAY = define(
    "process_payment", "Charge a customer's card", needs="account amount",
    account=ACCOUNT, amount=AMOUNT, currency={"type": "string", "enum": ["USD", "EUR", "GBP"]},
)  # fmt: skip
FORECAST = define(
    "get_forecast", "The weather of the coming days in a city", needs="city", city=CITY, days=DAYS
)
WEATHER = [
    GET_WEATHER, FORECAST, SUGGEST_CLOTHES,
    define("get_air_quality", "The air quality in a city right now", needs="city", city=CITY),
    define("get_sunrise", "When the sun rises and sets in a city", needs="city", city=CITY),
    define("get_pollen", "How much pollen is in the air of a city", needs="city", city=CITY),
]  # fmt: skip
BILLING = [
    define("get_invoice", "Read one invoice", needs="invoice", invoice="Its number, as INV-2041"),
    define("list_invoices", "List the invoices of an account", needs="account", account=ACCOUNT),
    define("pay_invoice", "Pay an invoice with the card on file", needs="invoice amount",
           invoice="Its number, as INV-2041", amount=AMOUNT),
    PAY, CALCULATE_TAX,
    define("get_exchange_rate", "The rate between two currencies", needs="base quote",
           base="ISO code, such as EUR", quote="ISO code, such as USD"),
    define("refund_payment", "Pay an amount back", needs="payment",
           payment="Number of the payment", amount=AMOUNT),
]  # fmt: skip
ACCOUNTS = [
    define("get_account", "Read a customer's account", needs="account", account=ACCOUNT),
    define("update_email", "Change the address of an account", needs="account email",
           account=ACCOUNT, email={"type": "string", "format": "email"}),
    define("get_plan", "The plan that an account is on", needs="account", account=ACCOUNT),
    define("change_plan", "Move an account to another plan", needs="account plan",
           account=ACCOUNT, plan={"type": "string", "enum": ["free", "team", "business"]}),
    define("reset_password", "Mail a link to set a password anew", needs="account",
           account=ACCOUNT),
    CANCEL,
]  # fmt: skip
_RARE = (
    "list_devices remove_device list_sessions end_session get_usage export_data get_limits "
    "raise_limit list_members invite_member remove_member get_role set_role get_address "
    "set_address get_language set_language list_tickets open_ticket close_ticket add_comment "
    "get_status list_incidents subscribe_status get_release rate_answer hand_over book_call"
)
RARE = [
    define(name, f"{name.replace('_', ' ').capitalize()} of an account", needs="account",
           account=ACCOUNT)
    for name in _RARE.split()
]  # fmt: skip
EVERYTHING = [*WEATHER, *BILLING, *ACCOUNTS, *RARE]
"""47 functions in one prompt."""
DOMAINS = {"weather": WEATHER, "billing": BILLING, "account": ACCOUNTS}


def name_of(definition: Definition) -> str:
    return str(definition["function"]["name"])


def swapped(tools: list[Definition], new: Definition, old: str = "") -> list[Definition]:
    """The tools with ``new`` in the place of the one of its name, or of ``old``."""
    wanted = old or name_of(new)
    return [new if name_of(tool) == wanted else tool for tool in tools]
