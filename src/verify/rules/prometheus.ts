import { exitCodeOfFindings, type FindingStatus, findingStatuses } from "../../base/finding.ts";

/** What `verify` tells node_exporter's textfile collector. Times are ISO 8601 UTC. */
export interface Metrics {
  /** The address without its password, the label of every sample. */
  readonly database: string;
  readonly version: string;
  readonly at: string;
  readonly ms: number;
  /** Whether the run ended with exit code 0. */
  readonly isHealthy: boolean;
  readonly checks: readonly {
    readonly check: string;
    readonly status: FindingStatus;
    readonly ms: number;
    /** How many things it could not look at. */
    readonly notChecked: number;
  }[];
  readonly tables: readonly { readonly name: string; readonly rows: number; readonly bytes: number | null }[];
  readonly backup: { readonly createdAt: string; readonly bytes: number } | null;
  /** To which places the backups that are there were to go. */
  readonly deliveries: readonly {
    readonly to: string;
    readonly isDone: boolean;
    /** Of the backup. */
    readonly createdAt: string;
  }[];
}

interface Family {
  readonly name: string;
  readonly help: string;
  /** Whether a sample that this run does not give is taken over from the run before. */
  readonly keeps?: boolean;
  /** Whether its values are times: one that is still to come, of a clock that was wrong, is not taken over. */
  readonly isTime?: boolean;
  /** The value without labels of its own, where neither this run nor the one before gives one. */
  readonly unless?: number;
  readonly samples: readonly Sample[];
}

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * Returns the metrics of a run in Prometheus's text format.
 *
 * A run may be of some checks only, and may fail: how a check last ended and when all was last well is then taken over
 * from the text that the run before wrote, but for times that are still to come: an alert on their age would not fire until then.
 *
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 * @param before The text that is there; "" without one
 */
export function renderMetrics(metrics: Metrics, before: string): string {
  const ended = endOf(metrics);
  return familiesOf(metrics).map(({ name, help, keeps, isTime, unless, samples }) => {
    const lines = new Map<string, string>();
    const { database } = metrics;
    if (unless !== undefined) lines.set(`${name}${renderLabels({ database })}`, String(unless));
    if (keeps) {
      for (const [key, value] of samplesIn(before, name, database)) {
        if (!isTime || Number(value) <= ended) lines.set(key, value);
      }
    }
    for (const { labels, value } of samples) {
      lines.set(`${name}${renderLabels({ database, ...labels })}`, String(value));
    }
    if (lines.size === 0) return "";
    const text = [...lines].map(([key, value]) => `${key} ${value}\n`).toSorted();
    return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${text.join("")}`;
  }).join("");
}

/** When a run ended, in seconds. */
function endOf({ at, ms }: Pick<Metrics, "at" | "ms">): number {
  return Math.round(Date.parse(at) + ms) / 1_000;
}

function familiesOf(metrics: Metrics): readonly Family[] {
  const { version, at, ms, isHealthy, checks, tables, backup, deliveries } = metrics;
  const end = Date.parse(at) + ms;
  const ended = endOf(metrics);
  const perCheck = (value: (check: Metrics["checks"][number]) => number) =>
    checks.map((check) => ({ labels: { check: check.check }, value: value(check) }));
  const backupSamples = (value: (made: NonNullable<Metrics["backup"]>) => number) =>
    backup === null ? [] : [{ value: value(backup) }];
  const perPlace = (value: (deliveries: Metrics["deliveries"]) => number) =>
    [...new Set(deliveries.map(({ to }) => to))].map((to) => ({
      labels: { to },
      value: value(deliveries.filter((each) => each.to === to)),
    }));
  return [
    { name: "harbor_db_info", help: "The harbor-db that ran.", samples: [{ labels: { version }, value: 1 }] },
    {
      name: "harbor_db_verify_last_run_timestamp_seconds",
      help: "When verify last ended, whatever it found.",
      samples: [{ value: ended }],
    },
    {
      name: "harbor_db_verify_last_success_timestamp_seconds",
      help: "When verify last ended with exit code 0; 0 when it never did.",
      keeps: true,
      isTime: true,
      // An alert on its age has to fire where there never was one, too.
      unless: 0,
      samples: isHealthy ? [{ value: ended }] : [],
    },
    {
      name: "harbor_db_verify_duration_seconds",
      help: "How long the last verify took.",
      samples: [{ value: ms / 1_000 }],
    },
    {
      name: "harbor_db_check_status",
      help: "1 for the status with which the check last ended; error means that it could not be made.",
      keeps: true,
      samples: checks.flatMap(({ check, status }) =>
        findingStatuses.map((each) => ({ labels: { check, status: each }, value: each === status ? 1 : 0 }))
      ),
    },
    {
      name: "harbor_db_check_not_checked",
      help: "How many things the check did not look at when it was last made; those that it did may be well.",
      keeps: true,
      samples: perCheck((check) => check.notChecked),
    },
    {
      name: "harbor_db_check_duration_seconds",
      help: "How long the check last took.",
      keeps: true,
      samples: perCheck((check) => check.ms / 1_000),
    },
    {
      name: "harbor_db_check_last_run_timestamp_seconds",
      help: "When the check was last made.",
      keeps: true,
      isTime: true,
      samples: perCheck(() => ended),
    },
    {
      name: "harbor_db_check_last_success_timestamp_seconds",
      help: "When the check last ended with pass or warn.",
      keeps: true,
      isTime: true,
      samples: checks.filter((check) => exitCodeOfFindings([check]) === 0).map(({ check }) => ({
        labels: { check },
        value: ended,
      })),
    },
    {
      name: "harbor_db_table_rows",
      help: "Rows in the table.",
      samples: tables.map(({ name, rows }) => ({ labels: { table: name }, value: rows })),
    },
    {
      name: "harbor_db_table_size_bytes",
      help: "Bytes that the table takes with its indexes.",
      samples: tables.flatMap(({ name, bytes }) =>
        bytes === null ? [] : [{ labels: { table: name }, value: bytes }]
      ),
    },
    {
      name: "harbor_db_backup_timestamp_seconds",
      help: "When the newest backup was made.",
      samples: backupSamples((made) => Date.parse(made.createdAt) / 1_000),
    },
    {
      name: "harbor_db_backup_age_seconds",
      help: "How old the newest backup was when verify last ended.",
      samples: backupSamples((made) => Math.max(0, (end - Date.parse(made.createdAt)) / 1_000)),
    },
    {
      name: "harbor_db_backup_size_bytes",
      help: "Bytes of the newest backup.",
      samples: backupSamples((made) => made.bytes),
    },
    {
      name: "harbor_db_backup_deliveries_failed",
      help: "Backups that are there and were not delivered, by where they were to go.",
      samples: perPlace((each) => each.filter(({ isDone }) => !isDone).length),
    },
    {
      name: "harbor_db_backup_delivered_timestamp_seconds",
      help: "When the newest backup was made that was delivered; 0 when none was.",
      samples: perPlace((each) =>
        Math.max(
          0,
          ...each.filter(({ isDone }) => isDone).map(({ createdAt }) => Date.parse(createdAt) / 1_000),
        )
      ),
    },
  ];
}

function renderLabels(labels: Readonly<Record<string, string>>): string {
  const escape = (value: string) =>
    value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `{${Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`).join(",")}}`;
}

/** Returns the samples of one family in a text that {@link renderMetrics} wrote for the same database. */
function samplesIn(text: string, name: string, database: string): readonly (readonly [string, string])[] {
  const start = `${name}${renderLabels({ database }).slice(0, -1)}`;
  return text.split("\n").flatMap((line) => {
    const space = line.lastIndexOf(" ");
    const isSample = line.startsWith(start) && /^[,}]/.test(line.slice(start.length)) &&
      /^[\d.e+-]+$/.test(line.slice(space + 1));
    return isSample ? [[line.slice(0, space), line.slice(space + 1)] as const] : [];
  });
}
