/** The Open Harbor's database, which is meant where nothing names one. Help says it, and nothing else of a profile. */
export const defaultUrl = "sqlite:///openharbor.db";
