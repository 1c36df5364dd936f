import { hideSecrets } from "../base/secrets/hide_secrets.ts";

/** Returns a statement's first line for a message, without secrets and with at most 80 characters. */
export function firstLine(text: string): string {
  const line = hideSecrets(text.trim().slice(0, 4000)).split("\n", 1)[0]!.trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
