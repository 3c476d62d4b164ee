/** From text to Test: the entry point of the language. */
import type { Test } from "../test.js";
import { check } from "./checker.js";
import type { Diagnostic } from "./diagnostic.js";
import { parseSyntax } from "./parser.js";
import type { FileSyntax } from "./syntax.js";
import type { Vocabulary } from "./vocabulary.js";

export interface ParseOptions {
  /** Path for the Test and for messages, as the user gave it. */
  readonly file?: string;
  /** What the model knows: releases, architectures, decision points, devices. Without it they are not checked. */
  readonly vocabulary?: Vocabulary;
}

export interface ParseResult {
  /** Absent when there is an error; warnings alone leave it. */
  readonly test?: Test;
  /** In the order of the text. */
  readonly diagnostics: readonly Diagnostic[];
  readonly syntax: FileSyntax;
}

/** Parses and checks one file, which holds one test. Never throws. */
export function parse(text: string, options: ParseOptions = {}): ParseResult {
  const parsed = parseSyntax(text);
  const { test, diagnostics } = check(parsed, options.file ?? "", options.vocabulary ?? {});
  return { ...(test ? { test } : {}), diagnostics, syntax: parsed.file };
}
