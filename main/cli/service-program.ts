import { type Command, InvalidArgumentError } from 'commander';
import { withAccessFlags } from './access-flags.ts';
import type { CommandContext } from './context.ts';
import type { ExitCode } from './exit.ts';
import { HELP } from './help.ts';
import { type Listener, listener, withPlaceFlags } from './place.ts';

type MakeContext = (options: { readonly json?: boolean }) => CommandContext;
type Finish = (code: ExitCode) => void;

const JSON_FLAG = ['--json', 'print JSON, for programs'] as const;
const load = () => import('./commands/service-targets.ts');

/** The commands about one service and its targets. */
export function addTargetCommands(services: Command, context: MakeContext, finish: Finish): void {
  services
    .command('show')
    .description('show a service with its targets')
    .argument('<name>', 'its name, public name or id')
    .option(...JSON_FLAG)
    .addHelpText('after', `\nExample:\n  porthole services show shop\n${HELP.servicesChange}`)
    .action(async (name: string, _, command: Command) =>
      finish(await (await load()).show(context(command.optsWithGlobals()), name)),
    );
  withTargetFlags(services.command('add-target'))
    .description('send a path of a service to a further port')
    .argument('<name>', 'its name, public name or id')
    .argument('<port>', 'the port that takes this path, or unix:/path of a socket', listener)
    .requiredOption('--path <path>', 'the path, and what lies under it, such as /api')
    .option(...JSON_FLAG)
    .addHelpText('after', HELP.servicesAddTarget)
    .action(async (name: string, port: Listener, options, command: Command) =>
      finish(await (await load()).addTarget(context(command.optsWithGlobals()), name, port, options)),
    );
  withAccessFlags(withTargetFlags(services.command('set')), true)
    .description('change a service, or one of its targets')
    .argument('<name>', 'its name, public name or id')
    .option('--display-name <name>', 'what to call it')
    .option('--rewrite-redirects', 'make redirects and cookies that name the target public')
    .option('--no-rewrite-redirects', 'leave them as they are')
    .option('--pass-host-header', "give the target the visitor's Host")
    .option('--no-pass-host-header', 'give it its own')
    .option('--enable-target <path>', 'switch the target of this path on')
    .option('--disable-target <path>', 'switch it off')
    .option('--remove-target <path>', 'take it away')
    .option('--target <path>', 'the target that the other flags change (needless where there is one)')
    .option('--port <port>', 'its new port, or unix:/path of a socket', listener)
    .option('--idle-timeout <time>', 'end what is silent for so long, such as 30s or 10m (tcp, tls, udp)')
    .option('--proxy-protocol', "tell the server the visitor's address by a PROXY protocol header (tcp, tls)")
    .option('--no-proxy-protocol', 'do not')
    .option('--listen-port <port>', 'the port that visitors use (tcp, tls, udp)', wholeNumber)
    .option('--path <path>', 'its new path')
    .option(...JSON_FLAG)
    .addHelpText('after', HELP.servicesSet)
    .action(async (name: string, options, command: Command) =>
      finish(await (await load()).set(context(command.optsWithGlobals()), name, options)),
    );
  for (const [verb, allowed, words] of [
    ['allow', true, "let a service, be it another laptop's, reach what it wants on this one"],
    ['disallow', false, 'take that back'],
  ] as const) {
    services
      .command(verb)
      .description(words)
      .argument('<name>', 'the public name of that service, or its id')
      .option(...JSON_FLAG)
      .addHelpText('after', `\nExample:\n  porthole services ${verb} shop\n`)
      .action(async (name: string, _, command: Command) =>
        finish(await (await load()).allow(context(command.optsWithGlobals()), name, allowed)),
      );
  }
}

function withTargetFlags(command: Command): Command {
  return withPlaceFlags(command)
    .option('--protocol <protocol>', 'what it speaks: http or https')
    .option('--on <laptop>', 'the laptop that reaches it, by name or id; its user has to allow that')
    .option('--preserve-path', 'give it the whole path, its own prefix too')
    .option('--no-preserve-path', 'strip the prefix')
    .option('--http2', 'speak HTTP/2 to it (gRPC); https servers say themselves whether they do')
    .option('--no-http2', 'do not, even if it says so')
    .option('--verify', 'verify its certificate (https)')
    .option('--no-verify', 'do not')
    .option('--connect-timeout <time>', 'give up connecting after this time, such as 5s')
    .option('--response-timeout <time>', 'answer visitors with 504 when it takes longer, such as 30s')
    .option('--header <header>', 'add "Name: value" to each request; may be repeated', collect);
}

const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value];

/** A number as typed; its range is checked where its meaning is known. */
export function wholeNumber(text: string): number {
  if (/^-?\d{1,15}$/.test(text.trim())) return Number(text);
  throw new InvalidArgumentError('It is not a whole number.');
}
