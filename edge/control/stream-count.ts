/** How many streams each agent has open, inside a bound. */
export class StreamCount {
  readonly #limit: number;
  readonly #open = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts one more; false when the agent has as many as it may. */
  take(agentId: string): boolean {
    const open = this.#open.get(agentId) ?? 0;
    if (open >= this.#limit) return false;
    this.#open.set(agentId, open + 1);
    return true;
  }

  give(agentId: string): void {
    const open = (this.#open.get(agentId) ?? 0) - 1;
    if (open > 0) this.#open.set(agentId, open);
    else this.#open.delete(agentId);
  }
}
