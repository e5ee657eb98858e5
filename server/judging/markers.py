"""Detector `markers`: words that speak to a model from a place where only data should stand.

They are how recorded prompt injections begin (AgentDojo, InjecAgent, ASB, public reports). A text without them may be
one all the same; that is why labels and provenance, not these, are the policy's guard.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .patterns import Entry, Patterns

_PREVIOUS: Final = r"(?:previous|prior|above|earlier|preceding|foregoing|former|existing|original|all)"
_ORDERS: Final = (
    r"(?:\w{0,3}structions?|prompts?|rules?|directions?|guidelines?|directives?|orders?|commands?|context|tasks?)"
)

ENTRIES: Final = (
    Entry(
        "overriding",
        r"(?i)\b(?:ignore|disregard|forget|override|bypass|discard"
        rf"|overlook)\b[^.\n]{{0,40}}\b{_PREVIOUS}\b[^.\n]{{0,30}}\b{_ORDERS}",
    ),
    Entry(
        "overriding",
        rf"(?i)\b(?:do not|don't|never) (?:follow|obey|listen to|respect)\b[^.\n]{{0,40}}\b{_ORDERS}",
    ),
    Entry(
        "overriding",
        r"(?i)\bignor(?:iere|ez|a|e)\b[^.\n]{0,40}\b(?:anweisungen|instructions|instrucciones"
        r"|instru[cç][oõ]es|istruzioni)\b|忽略(?:之前|以上|前面)[^。\n]{0,10}(?:指令|指示|提示)|(?:以前|上記)の指示を無視",
    ),
    Entry(
        "new-orders",
        r"(?i)\b(?:new|updated|real|actual|true|hidden|secret|special)\s+(?:system\s+)?(?:instructions?"
        r"|task|prompt|directive|orders?)\s*:",
    ),
    Entry(
        "new-orders",
        r"(?i)\b(?:important|urgent|critical|attention|notice|warning)\b[!: ]{1,4}(?:message|instructions?"
        r"|notice)?\s*(?:from me|to you|for (?:you|the|any|all)\b[^.\n]{0,30}\b(?:ai|assistant|agent|model"
        r"|llm|bot))",
    ),
    Entry(
        "new-orders",
        r"(?i)\b(?:before (?:you (?:can )?)?(?:solv|continu|proceed|answer|complet"
        r"|do)\w*[^.\n]{0,80}\b(?:please|you (?:must|should|need)|first)\b)",
    ),
    Entry(
        "new-orders",
        r"(?i)\b(?:you must|you should|please|make sure to)\b[^.\n]{0,30}\b(?:call|invoke|use|execute"
        r"|run)\b[^.\n]{0,30}\b(?:tool|function|command)s?\b",
    ),
    Entry(
        "new-role",
        r"(?i)\byou are (?:now|no longer)\b|\bpretend (?:to be|you are)\b|\bact as (?:if you"
        r"|an? (?:unrestricted|uncensored|jailbroken|root|admin))|\b(?:developer|debug|god|dan|sudo"
        r"|admin) mode\b",
    ),
    Entry(
        "secrecy",
        r"(?i)\b(?:do not|don't|never|without) (?:tell|mention|inform|notify|reveal|alert|show|telling"
        r"|mentioning|informing)\b[^.\n]{0,40}\b(?:user|human|person|anyone|them)\b",
    ),
    Entry(
        "to-the-model",
        r"(?i)\b(?:dear|hey|hello|note to|message (?:to|for)|attention)\b[, ]{1,3}(?:the |any |all )?(?:ai"
        r"|a\.i\.|llm|language model|assistant|chatbot|agent|gpt|claude|gemini|copilot)s?\b",
    ),
    Entry(
        "to-the-model",
        r"(?i)\bas an? (?:ai|llm|language model|assistant)\b[^.\n]{0,30}\b(?:must|should|need to"
        r"|have to)\b|\bsystem prompt\b",
    ),
    Entry(
        "template-token",
        r"(?i)<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id|begin_of_text"
        r"|tool_call|channel)\|?>|\[/?INST\]|<</?SYS>>|</?(?:tool_call|function_call|start_of_turn"
        r"|end_of_turn)\b|<｜",
    ),
    Entry(
        "template-token",
        r"(?im)^\s*(?:###\s*)?(?:system|assistant|developer)\s*:\s*\S|^\s*###\s*(?:instruction|system"
        r"|response)s?\b",
    ),
    Entry(
        "orders-in-tags",
        r"(?i)</?\s*(?:information|important|instructions?|system(?:[_-](?:prompt|message|reminder))?"
        r"|admin|secret|user_(?:request|message))\s*>|<!--[^>]*\b(?:instruction|ignore|assistant|must)\b",
    ),
    Entry(
        "carry-off",
        r"(?i)\b(?:send|forward|email|e-mail|post|upload|leak|exfiltrate|transmit"
        r"|share)\b[^.\n]{0,60}\b(?:password|credential|api key|secret|token|private key|conversation"
        r"|chat history|everything|all (?:the )?(?:files?|e-?mails?|messages?|data))\b[^.\n]{0,60}\b(?:to"
        r"|at)\b",
    ),
)

_TABLE: Final = Patterns(ENTRIES)


def markers(text: str) -> Iterator[str]:
    return _TABLE.codes(text)
