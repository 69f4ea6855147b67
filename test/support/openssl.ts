/** Certificates as operators get them: made by the `openssl` program, as files with a chain. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** A certificate followed by its chain, and its key; PEM. */
export interface PemPair {
  readonly cert: string;
  readonly key: string;
}

export interface Wish {
  /** Alternative names as openssl writes them: `DNS:example.com`, `IP:127.0.0.1`. */
  readonly names: readonly string[];
  /** 90 unless told. */
  readonly days?: number;
  /** Arguments of `-newkey`; ECDSA P-256 unless told. */
  readonly newkey?: readonly string[];
}

const CONFIG = '[req]\ndistinguished_name=dn\n[dn]\n';
const ECDSA = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const PLAIN = ['-sha256', '-noenc'];

/** A root and an authority under it that issues; both live in `folder`. */
export class OpensslAuthority {
  readonly rootPem: string;
  readonly issuerPem: string;
  readonly #folder: string;
  #made = 0;

  constructor(folder: string) {
    this.#folder = folder;
    writeFileSync(path.join(folder, 'openssl.cnf'), CONFIG);
    const ca = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'];
    this.#request('root', ['-days', '3650', '-subj', '/CN=Test root', ...ca], ECDSA);
    this.#request('issuer', ['-days', '1000', '-subj', '/CN=Test issuer', ...ca, ...this.#signedBy('root')], ECDSA);
    this.rootPem = this.#read('root.crt');
    this.issuerPem = this.#read('issuer.crt');
  }

  /** A leaf with the issuer behind it. */
  issue({ names, days = 90, newkey = ECDSA }: Wish): PemPair {
    const name = `leaf${++this.#made}`;
    const alternative = names.length === 0 ? [] : ['-addext', `subjectAltName=${names.join(',')}`];
    const options = ['-days', String(days), '-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:FALSE'];
    this.#request(name, [...options, ...alternative, ...this.#signedBy('issuer')], newkey);
    return { cert: this.#read(`${name}.crt`) + this.issuerPem, key: this.#read(`${name}.key`) };
  }

  #request(name: string, options: readonly string[], newkey: readonly string[]): void {
    const at = (file: string): string => path.join(this.#folder, file);
    const files = ['-config', at('openssl.cnf'), '-keyout', at(`${name}.key`), '-out', at(`${name}.crt`)];
    execFileSync('openssl', ['req', '-x509', '-newkey', ...newkey, ...PLAIN, ...files, ...options], {
      stdio: 'pipe',
    });
  }

  #signedBy(name: string): string[] {
    return ['-CA', path.join(this.#folder, `${name}.crt`), '-CAkey', path.join(this.#folder, `${name}.key`)];
  }

  #read(file: string): string {
    return readFileSync(path.join(this.#folder, file), 'utf8');
  }
}
