/** The part of the package `qrcode` that the window uses. */
declare module 'qrcode' {
  export interface QrModules {
    readonly size: number;
    /** 1 where the module is dark. */
    get(row: number, column: number): number;
  }
  export function create(
    text: string,
    options?: { readonly errorCorrectionLevel?: 'L' | 'M' | 'Q' | 'H' },
  ): { readonly modules: QrModules };
}
