// The calls that wait for a person, and the person's answer: a client of GET and POST /v1/approvals.
//
// What an agent chose reaches the page as text alone. A call that comes later stands below those that are there, one that
// is over stays where it was, and what is said of it has its room from the start: nothing moves under a pointer that is
// about to press "Approve". For the same reason the buttons of a new call take no press for a moment (OWASP ASI09).
"use strict";

const LOOK_MS = 2000;
const ARM_MS = 700;
const MOST_OVER = 50;

const at = (id) => document.getElementById(id);
const cards = new Map();
let key = "";
let isOpen = false;
let timer = 0;

class Refused extends Error {}

async function ask(path, body) {
  const headers = key ? { authorization: `Bearer ${key}` } : {};  // a gate open to loopback takes none
  if (body) headers["content-type"] = "application/json";
  const answer = await fetch(path, {
    method: body ? "POST" : "GET",
    headers,
    body: body && JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
  });
  const tree = await answer.json();
  if (!answer.ok) throw new Refused(`${tree.error.message} (${tree.error.code})`);
  return tree;
}

function element(tag, text = "", kind = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function time(instant) {
  return instant ? new Date(instant).toLocaleTimeString() : "";
}

function fact(list, name, value) {
  if (!value) return;
  list.append(element("dt", name), element("dd", value));
}

function card(approval) {
  const whole = element("article", "", "call");
  whole.id = approval.id;
  const facts = element("dl");
  fact(facts, "agent", approval.agent);
  fact(facts, "for", approval.user);
  fact(facts, "rule", approval.rule);
  fact(facts, "the rule asks", approval.prompt);
  fact(facts, "by role", approval.by_roles.map((group) => group.join(" or ")).join(" and "));
  fact(facts, "releases", approval.uses > 1 ? `up to ${approval.uses}` : "");
  fact(facts, "asked", time(approval.asked_at));
  fact(facts, "until", time(approval.expires_at));
  fact(facts, "decision", approval.decision);
  const notes = element("ul", "", "notes");
  notes.append(...approval.notes.map((note) => element("li", note)));

  const because = element("input");
  because.placeholder = "why, for the record";
  because.setAttribute("aria-label", "why, for the record");
  const approve = element("button", "Approve", "approve");
  const deny = element("button", "Deny", "deny");
  const said = element("p", "", "said");
  said.setAttribute("role", "status");
  const answer = element("div", "", "answer");
  answer.append(because, approve, deny);
  approve.disabled = deny.disabled = true;
  setTimeout(() => {
    approve.disabled = deny.disabled = whole.classList.contains("over");
  }, ARM_MS);
  approve.addEventListener("click", () => decide(approval.id, true));
  deny.addEventListener("click", () => decide(approval.id, false));

  whole.append(element("pre", approval.call), notes, facts, answer, said);
  return { whole, because, approve, deny, said };
}

function close(one, state) {
  one.whole.classList.add("over");
  one.approve.disabled = one.deny.disabled = one.because.disabled = true;
  one.said.textContent = state;
  at("clear").hidden = false;
}

async function decide(id, approve) {
  const one = cards.get(id);
  one.approve.disabled = one.deny.disabled = true;
  try {
    const answered = await ask(`/v1/approvals/${id}`, { approve, because: one.because.value });
    close(one, answered.state);
  } catch (error) {
    one.said.textContent = error.message;
    one.approve.disabled = one.deny.disabled = false;
  }
  look();
}

function show(tree) {
  const oldestFirst = [...tree.pending].reverse();
  for (const approval of oldestFirst) {
    if (cards.has(approval.id)) continue;
    const made = card(approval);
    cards.set(approval.id, made);
    at("waiting").append(made.whole);
  }
  const waits = new Set(tree.pending.map((approval) => approval.id));
  const states = new Map(tree.over.map((approval) => [approval.id, approval.state]));
  for (const [id, one] of cards) {
    if (!waits.has(id) && !one.whole.classList.contains("over")) close(one, states.get(id) ?? "over");
  }
  at("none").hidden = waits.size > 0;
  at("over").replaceChildren(...tree.over.slice(0, MOST_OVER).map(row));
  document.title = waits.size ? `(${waits.size}) leastward` : "leastward";
  at("standing").textContent = `Open. Looked at ${new Date().toLocaleTimeString()}.`;
}

function row(approval) {
  const call = element("td");
  call.append(element("code", approval.call));
  const cells = [approval.state, approval.decided_by, approval.because].map((text) => element("td", text ?? ""));
  const line = element("tr");
  line.append(element("td", time(approval.asked_at)), element("td", approval.agent ?? ""), call, ...cells);
  return line;
}

async function look() {
  clearTimeout(timer);
  if (!document.hidden) {
    const asked = key;
    try {
      const tree = await ask("/v1/approvals");
      if (asked !== key) return;
      show(tree);
    } catch (error) {
      if (asked !== key) return;
      at("standing").textContent = error instanceof Refused ? error.message : `The gate does not answer: ${error.message}`;
    }
  }
  clearTimeout(timer);
  timer = setTimeout(look, LOOK_MS);
}

at("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  key = at("key").value.trim();
  isOpen = true;
  at("key").value = "";
  cards.clear();
  at("waiting").replaceChildren();
  at("over").replaceChildren();
  at("clear").hidden = true;
  look();
});

at("clear").addEventListener("click", () => {
  for (const [id, one] of cards) {
    if (!one.whole.classList.contains("over")) continue;
    one.whole.remove();
    cards.delete(id);
  }
  at("clear").hidden = true;
});

document.addEventListener("visibilitychange", () => {
  if (isOpen && !document.hidden) look();
});
