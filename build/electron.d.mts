export function findElectron(env?: Readonly<Record<string, string | undefined>>): string | undefined;
export function fetchElectron(env?: Readonly<Record<string, string | undefined>>): Promise<void>;
