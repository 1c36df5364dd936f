import { flag, text, texts, type Values } from "../../cli/options.ts";

/** The option that names a server to try PostgreSQL scripts on. */
export const proveUrlOption = text(
  "--prove-url <url>",
  "a PostgreSQL server to try the scripts on, in a database of their own; else --database-url",
);

/** The option that says where schema.ts is. */
export const schemaOption = text("--schema <file>", "the schema.ts; else the one beside the drizzle/ folder");

/** What `generate` and `create` have in common. */
export const generateOptions = {
  schema: schemaOption,
  rename: texts("--rename <old=new>", "users.name=users.full_name, or users=accounts; can be repeated"),
  noRename: flag("--no-rename", "nothing else was renamed: what is gone is dropped"),
  fill: texts("--fill <column=sql>", "what the rows that exist get in a column that must not be empty"),
  allow: texts(
    "--allow <hazard=reason>",
    'drop_in_use="release 2.4 stopped reading it": written above the statement; can be repeated',
  ),
  revId: text("--rev-id <id>", "twelve hex digits; else derived from the revision"),
  createdAt: text("--created-at <time>", "when it was written, in UTC; else now"),
  proveUrl: proveUrlOption,
  writeUnproven: flag(
    "--write-unproven",
    "write the scripts although they fail, to edit them by hand; check fails until they are proven",
  ),
};

export type GenerateValues = Values<typeof generateOptions>;
