// Starts `leastward lsp` and connects the editor to it. All that is known of the language is there and in syntaxes/.
"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function activate() {
  const [command, ...args] = vscode.workspace.getConfiguration("leastward").get("command");
  client = new LanguageClient(
    "leastward",
    "leastward",
    { command, args },
    { documentSelector: [{ language: "leastward" }] },
  );
  return client.start();
}

function deactivate() {
  return client && client.stop();
}

module.exports = { activate, deactivate };
