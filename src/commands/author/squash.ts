import { defineCommand } from "../../cli/command.ts";
import { text } from "../../cli/options.ts";
import { proveUrlOption } from "./generate_options.ts";

export const squashCommand = defineCommand({
  description:
    "New databases take the one; a database that has any of the others goes on by those, whose files stay in the folder covered/. The one is run up, down and up again before it is written.",
  options: {
    from: text("--from <revision>", "the first of them; else the first of all"),
    name: text("--name <name>", "what the one is called; else after the others"),
    proveUrl: proveUrlOption,
  },
  examples: [
    { line: "squash f27bd10b7ec4", does: "all up to that one" },
    { line: "squash f27bd10b7ec4 --from 5b09ebe23c76", does: "those two and what is between them" },
  ],
  run: async (app, { args, options }) =>
    (await import("./run_squash.ts")).runSquash(app, { ...options, last: args[0]! }),
});
