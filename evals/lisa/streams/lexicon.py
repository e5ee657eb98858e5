"""Fixed word lists that make classes of free text. First class in order whose pattern is found; else the last word.

They stand for the typed annotations that a deployment's tool schemas would carry. They were written by looking at the
attributes' own strings and never at labels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lexicon:
    """`classes` in order of precedence, each with the pattern that finds it; `other` where none does."""

    classes: tuple[tuple[str, re.Pattern[str]], ...]
    other: str

    def of(self, text: str) -> str:
        for name, pattern in self.classes:
            if pattern.search(text):
                return name
        return self.other


def _lexicon(other: str, **classes: str) -> Lexicon:
    return Lexicon(tuple((name, re.compile(words, re.IGNORECASE)) for name, words in classes.items()), other)


PRIVACYLENS_INFO = _lexicon(
    "other",
    health="health|medic|diagnos|therap|treat|hiv|cancer|pregnan|vaccin|disab|surg|psych|counsel|drug|substance|"
    "addict|relapse|recovery|genetic|illness|mental|sti |adhd|physical|trauma|abortion|patient",
    finance="financ|bank|credit|salar|income|tax|account|money|debt|mortgage|wage|payment|donor|donation|invest|"
    "insurance|bonus|fund|deposit|shareholder|gain and loss|transaction|rent",
    legal="legal|case|court|trial|crim|witness|evidence|immigra|custody|lawsuit|guilt|incarcerat|investigat|patent|"
    "undocumented|documentation status|confidential witnesses|theft",
    education="grade|student|academic|school|course|gpa|exam|test|class |essay|graduat|education|applicant",
    employment="work|job|employ|company|project|business|merger|strategy|performance|promotion|resign|colleague|boss|"
    "coworker|contract|hiring|takeover|manuscript|book|release|design|plan for|insider|leave|absent|policy",
    identity="name|address|ssn|social security|phone|password|log-?in|credential|identity|identif|demographic|age$|"
    "gender|username|security|location|routine|timetable|itinerary|schedule|travel",
    relationship="marri|marital|relationship|romantic|sex|infidel|affair|family|dating|divorce|girlfriend|intimate|"
    "custod|adopt|parent|love|friend|child",
)
PRIVACYLENS_RECIPIENT = _lexicon(
    "peer",
    public="public|follower|social media|facebook|visit|audience|journalist|blog|online|community|mailing list|reader",
    vendor="vendor|contractor|third.?party|market|agency|company|bureau|customer|sales|organi[sz]ation|corporation|"
    "research|service|collaborat|partner$|partner who",
    professional="doctor|nurse|teacher|professor|advisor|therapist|clinic|lawyer|attorney|professional|government|"
    "personnel|caregiver|insurance|editor|author|minister|clergy|school",
    employer="employer|manager|boss|supervisor|superviser|managerial|hr |hiring|management|leader|office|staff|team",
    family="family|husband|wife|sibling|father|mother|parent|spouse|relative|daughter|son$|cousin|brother|sister|"
    "in-law|step-",
)
PRIVACYLENS_SENDER = _lexicon(
    "person",
    health="health|nurse|medic|therap|doctor|psych|counsel|pharmac|drug|pediatric|hospital",
    law="law|legal|detective|investigat|patent|tax|officer|secretary of state",
    finance="account|bank|credit|financ|insur|fund|loan",
    education="profess|teach|coach|alumni|school|student|child care|adviso",
    office="hr |human|administrat|manager|employee|engineer|editor|programmer|agent|representative|technician|staff",
)
PRIVACI_INFO = _lexicon(
    "other",
    biometric="biometric|facial|face|fingerprint|gait|voice",
    emotion="emotion|vulnerab|behavio|psycholog|subliminal",
    health="health|medical|patient|diagnos|genetic",
    legal="legal|case|court|judic|contract|law",
    content="content|synthetic|text|image|video|audio|article",
    technical="operation|system|sensor|device|technical|product|usage|machine|performance|log|specification|software",
    personal="personal|individual|demograph|identit|passenger|client|customer|student|employ|financ|social",
    nothing="^none$|^$",
)
PRIVACI_PURPOSE = _lexicon(
    "other",
    policing="polic|crim|surveil|law enforce|social scor|threat",
    legal="legal|judic|court|litig|case",
    security="secur|defen[cs]e|military|cyber",
    safety="safety|emergenc|accident|health|medical|diagnos|treat",
    market="market|sale|product|advert|distribut|deploy|custom|commerc|insur",
    teaching="educat|train|learn|research|study|academ",
    influence="manipul|exploit|influenc|persua|emotion",
    content="content|creat|generat|entertain|publish",
)
PRIVACI_ROLE = _lexicon(
    "other",
    authority="authorit|law enf|police|government|regulat|judic|court|agency|military|member state|public body",
    deployer="deployer|operator",
    provider="provider|develop|manufactur|supplier|vendor|importer|distribut|represent",
    processor="process|controller|analy|collector|database|server",
    system="system|ai |^ai$|software|device|model",
    professional="doctor|lawyer|legal|research|teacher|profession|advis|attorney|physician|nurse|student",
    user="user|client|consumer|customer|individual|public|citizen|patient|employee|subject|passenger|learner|market",
)
AGENTHARM_CUE = _lexicon(
    "none",
    illicit="dark ?web|onion|stolen|steal|illegal|illicit|drug|hashish|cocaine|weapon|bomb|poison|traffick|ransom|"
    "malware|phish|hack|crack|forge|counterfeit|launder|bribe|kill|murder|blackmail|extort|leak",
    deceiving="fake|false|pretend|mislead|misinform|conspir|impersonat|without (?:being|their)|evade|avoid detect|"
    "plagiar|scam|secretly|anonym|deceiv|manipulat|undetect",
    demeaning="sexist|racis|hate|insult|threat|harass|sexual|nude|deepfake|discriminat|offensive|demean|humiliat|"
    "bully|porn|escort|vulgar|ridicul|revenge",
)
