/** Expressions and calls in normal form: how the printer writes them, and the keys of observers. */
import { quote } from "./tokens.js";
import type { ArgSyntax, CallSyntax, ExprSyntax } from "./syntax.js";

export function writeCall(call: CallSyntax): string {
  return `${call.op.text}(${call.args.map(writeArg).join(", ")})`;
}

export function writeArg(arg: ArgSyntax): string {
  return arg.name ? `${arg.name.text}: ${writeExpr(arg.value)}` : writeExpr(arg.value);
}

export function writeExpr(expr: ExprSyntax): string {
  switch (expr.kind) {
    case "number":
      return writeNumber(expr.text);
    case "word":
      return expr.text;
    case "string":
      return quote(expr.value);
    case "union":
      return expr.words.map((w) => w.text).join("|");
    case "field":
      return `${expr.of.kind === "call" ? writeCall(expr.of) : expr.of.text}.${expr.field.text}`;
    case "call":
      return writeCall(expr);
    case "list":
      return `[${expr.items.map(writeExpr).join(expr.commas ? ", " : " ")}]`;
    case "not":
      return `not ${writeExpr(expr.operand)}`;
    case "paren":
      return `(${writeExpr(expr.inner)})`;
    case "binary":
      return `${writeExpr(expr.left)} ${expr.op} ${writeExpr(expr.right)}`;
    case "broken":
      return "?";
  }
}

/** Hexadecimal digits in lower case, as everywhere in the kernel. */
function writeNumber(text: string): string {
  return /^-?0[xX]/.test(text) ? text.replace(/0[xX][0-9a-fA-F]+/, (hex) => hex.toLowerCase()) : text;
}
