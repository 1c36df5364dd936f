/** What a module has exported so far. */
interface Exporting {
  readonly exports: unknown;
}

/** Knows which modules pass on all that others export. */
export interface StarExports {
  /** Notes that a module passes on another one, by `export * from`. */
  note(module: Exporting, from: Exporting): void;
  /** Gives a module that ran to its end what it passes on, and those that did before it what they lacked of it. */
  settle(module: Exporting): void;
}

/**
 * Opens the star exports of a schema's modules. What Sucrase makes of one passes on what is there at that moment, which is not all of a
 * module that imports its importer in turn, as tables do that refer to each other from several files.
 */
export function openStarExports(): StarExports {
  const sources = new Map<Exporting, Exporting[]>();
  const settled = new Set<Exporting>();
  function passOn(module: Exporting): void {
    const before = settled.has(module) ? Object.keys(module.exports as object).length : -1;
    settled.add(module);
    for (const from of sources.get(module) ?? []) {
      addMissing(module.exports as object, from.exports as object);
    }
    if (Object.keys(module.exports as object).length === before) return;
    for (const [other, all] of sources) if (settled.has(other) && all.includes(module)) passOn(other);
  }
  return {
    note: (module, from) => void sources.set(module, [...sources.get(module) ?? [], from]),
    settle: passOn,
  };
}

function addMissing(to: object, from: object): void {
  for (const key of Object.keys(from)) {
    if (key === "default" || Object.hasOwn(to, key)) continue;
    const get = () => (from as Readonly<Record<string, unknown>>)[key];
    Object.defineProperty(to, key, { enumerable: true, configurable: true, get });
  }
}

/** Returns the modules of which a text passes on everything. */
export function starredIn(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(/\bexport\s*\*\s*from\s*(["'])(.*?)\1/g)].map(([, , name]) => name!));
}
