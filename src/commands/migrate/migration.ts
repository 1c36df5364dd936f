import type { App, Question } from "../../cli/app.ts";
import { flag, type Values } from "../../cli/options.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Direction } from "../../history/applied.ts";
import type { PaceOptions } from "../../migrate/paced/backfill_walk.ts";
import type { PreparedPlan } from "../../migrate/prepare_plan.ts";
import type { Goal } from "../../migrate/rules/plan.ts";
import { type Around, aroundOptions } from "./around.ts";
import type { Consequences } from "./consequences.ts";
import { paceOptions } from "./pace_options.ts";
import type { BudgetGuard } from "./rehearsal/budget_guard.ts";
import { rehearsalOptions } from "./rehearsal/options.ts";
import type { MakeRehearsal } from "./rehearsal/rehearse_on_copy.ts";
import { type SafetyNet, safetyOptions } from "./safety_net.ts";

/** What `upgrade` and `downgrade` have in common. */
export const migrateOptions = {
  dryRun: flag("--dry-run", "print the plan and change nothing"),
  sql: flag("--sql", "print the SQL that would run, and nothing else"),
  noKeep: flag("--no-keep", "let go what the steps destroy, instead of keeping it in the database"),
  ...safetyOptions,
  ...aroundOptions,
  ...paceOptions,
  ...rehearsalOptions,
};

/** What a command asks for. */
export interface Migration {
  readonly direction: Direction;
  readonly target: string;
  readonly options: Values<typeof migrateOptions>;
  /** What is begun already; else the options' own. */
  readonly around?: Around;
  /** What keeps to budgets what came before it as well; else the options' own. */
  readonly guard?: BudgetGuard | null;
  /** Whether the application is stopped and started also when there is nothing to do. */
  readonly isAlways?: boolean;
  /** Asked once it is known that there is something to do. */
  readonly question?: (
    context: RunContext,
    plan: PreparedPlan,
    consequences: Consequences,
  ) => Promise<Question>;
}

/** A migration, and what it is made with. */
export interface Undertaking extends Migration {
  readonly app: App;
  /** Whether the database is made by it. */
  readonly isNew: boolean;
  readonly pace: PaceOptions;
  readonly net: SafetyNet;
  readonly around: Around;
}

/** What is known of a migration when its run begins. */
export interface Foreknown {
  /** A relative one is settled where the database was looked at. */
  readonly goal: Goal;
  /** What the user said yes to. */
  readonly confirmed: PreparedPlan | null;
  readonly consequences: Consequences;
}

/** Returns how a plan to this goal is rehearsed. */
export function rehearsalTo(goal: Goal, pace: PaceOptions): MakeRehearsal {
  return async (context, parts) => {
    const { planRehearsal } = await import("../../rehearse/of_plan.ts");
    return await planRehearsal(context, { ...parts, goal, pace });
  };
}
