import type { Trial } from "../../../engines/backup/engine.ts";
import { openDatabase } from "../../../engines/open/database.ts";
import type { RunContext, RunEvent } from "../../../engines/run_context.ts";
import type { App } from "../../../cli/app.ts";

/** Runs work with the context of a copy that was restored aside. */
export async function withTrial<T>(
  { system: { client } }: App,
  context: RunContext,
  { url, options, guard = (copy) => copy }: Pick<Trial, "url" | "options" | "guard">,
  work: (copy: RunContext) => Promise<T>,
): Promise<T> {
  const database = await openDatabase(url, { client, access: "write", ...options });
  try {
    return await work({ ...context, database: guard(database), notify: quietly(context.notify) });
  } finally {
    await database.close();
  }
}

/** Steps of a rehearsal are none of the database's. */
function quietly(notify: RunContext["notify"]): RunContext["notify"] {
  return (event: RunEvent) => {
    if (event.kind === "step") {
      const words = event.words ?? `${event.direction} ${event.id} ${event.name}`;
      return notify({ kind: "doing", text: `rehearsing: ${words}` });
    }
    // What is to be noted is noted when it happens to the database itself.
    if (event.kind !== "note") notify(event);
  };
}
