/** The service that was made public just now, and whether its URL is on the clipboard. */
export interface Fresh {
  readonly id: string;
  readonly copied: boolean;
}
