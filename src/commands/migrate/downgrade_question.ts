import type { Question } from "../../cli/app.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { sourceOf } from "../../migrate/rules/plan.ts";
import type { PreparedPlan } from "../../migrate/prepare_plan.ts";
import { counted } from "../../base/quantity.ts";
import { describeContents } from "../backup/contents.ts";
import { consequenceFacts, type Consequences } from "./consequences.ts";

/** Returns the question before a downgrade: on which database, what is in it, what of it goes and what stops working. */
export async function downgradeQuestion(
  context: RunContext,
  { steps, to }: Pick<PreparedPlan, "steps" | "to">,
  { noBackup, noKeep, consequences }: {
    readonly noBackup: boolean;
    readonly noKeep: boolean;
    readonly consequences: Consequences;
  },
): Promise<Question> {
  const { url } = context.database;
  const contents = await describeContents(context);
  const facts = consequenceFacts(consequences, false);
  const { going } = consequences;
  const recorded = steps.filter((step) => sourceOf(step) === "ledger").map(({ revision }) => revision.id);
  const isLost = going?.some(({ count }) => count?.rows !== 0) ?? true;
  return {
    facts: [
      ["database", `${url} (${contents ?? "empty"})`],
      ["undoes", steps.map(({ revision }) => `${revision.id} (${revision.name})`).join(", ")],
      ...going?.length === 0 ? [["goes", "no table and no column"] as const] : [],
      ...facts,
      ...recorded.length === 0 ? [] : [
        [
          "scripts",
          `of ${recorded.join(", ")} out of the database itself; --dry-run shows them`,
        ] as const,
      ],
      ...isLost ? [["kept", keptWords(noKeep)] as const] : [],
      ["backup", noBackup ? "none" : isLost && noKeep ? "made first; only it has what goes" : "made first"],
    ],
    text: `Undo ${counted(steps.length, "revision")} on ${url} and go to ${to ?? "base"}?`,
  };
}

/** Says what becomes of what goes. */
function keptWords(noKeep: boolean): string {
  return noKeep
    ? "nothing: what goes does not come back"
    : "what goes is put aside in the database, and comes back when it is upgraded again";
}
