import { Command, CommanderError, Option } from 'commander';
import { failure } from '../../shared/domain/failure.ts';
import { withAccessFlags } from './access-flags.ts';
import { type CommandContext, forMachines } from './context.ts';
import { EXIT, type ExitCode, UsageError } from './exit.ts';
import { HELP } from './help.ts';
import { type Listener, listener, withPlaceFlags } from './place.ts';
import { addTargetCommands, wholeNumber } from './service-program.ts';

/**
 * Runs one command line; the exit code. Commands are loaded when they are used, so that `--help` and a mistyped word
 * are answered at once.
 */
export async function runCli(argv: readonly string[], base: CommandContext): Promise<number> {
  let code: ExitCode = EXIT.ok;
  // The edge reads its own arguments, `--help` too.
  if (argv[0] === 'edge') return (await import('./commands/edge.ts')).edge(base, argv.slice(1));
  const program = build(base, (next) => {
    code = next;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    const json = argv.includes('--json');
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok;
      // Commander has told people already.
      if (json) printUsageFault(base, capital(error.message));
      return EXIT.usage;
    }
    if (!(error instanceof UsageError)) throw error;
    const message = `${error.message} "porthole --help" shows how it is used.`;
    if (json) printUsageFault(base, message);
    base.terminal.say(`Error: ${message}`);
    return EXIT.usage;
  }
}

const printUsageFault = ({ terminal }: CommandContext, reason: string): void =>
  terminal.printJson({ error: forMachines(failure('input_invalid', { reason })) });

/** What commander calls `error: …`, as a sentence begins. */
const capital = (text: string): string => text.replace(/^error: (.)/, (_, c: string) => c.toUpperCase());

type Finish = (code: ExitCode) => void;

function build(base: CommandContext, finish: Finish): Command {
  const program = new Command('porthole');
  program
    .description('Publish what runs on this machine, from your own edge.')
    .version(base.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .showHelpAfterError('Add --help to see how it is used.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => base.terminal.print(text.trimEnd()),
      writeErr: (text) => base.terminal.say(text.trimEnd()),
      outputError: (text, write) => write(`Error: ${capital(text)}`),
    })
    .addHelpText('after', HELP.porthole);
  const context = (options: { readonly json?: boolean }): CommandContext => ({ ...base, json: options.json === true });
  addExpose(program, context, finish);
  const services = addServices(program, context, finish);
  addShares(program, services, context, finish);
  addAgent(program, context, finish);
  program
    .command('edge')
    .description('run an edge, or make a join token for one ("porthole edge --help")')
    .allowUnknownOption()
    .argument('[arguments...]');
  return program;
}

type MakeContext = (options: { readonly json?: boolean }) => CommandContext;

const JSON_FLAG = ['--json', 'print JSON, for programs'] as const;

function addExpose(program: Command, context: MakeContext, finish: Finish): void {
  const later = (flags: string): Option => new Option(flags).hideHelp();
  withPlaceFlags(program.command('expose'))
    .description('publish a local port for as long as this command runs')
    .argument('<port>', 'the port that your server listens on, or unix:/path of its socket', listener)
    .option('--protocol <protocol>', 'what your server speaks: http, https, tcp, tls or udp', 'http')
    .option('--http2', 'speak HTTP/2 to it (gRPC); https servers say themselves whether they do')
    .option('--idle-timeout <time>', 'end what is silent for so long, such as 30s or 10m (tcp, tls, udp)')
    .option('--proxy-protocol', "tell your server the visitor's address by a PROXY protocol header (tcp, tls)")
    .option('--with-external-port <port>', 'the port that visitors use (tcp, tls, udp)', wholeNumber)
    .option('--with-pin [pin]', 'ask visitors for this PIN of 6 digits; one is made when it is left out')
    .option('--with-password [password]', 'ask visitors for this password; one is made when it is left out')
    .option('--with-user-groups [groups]', 'let in who signs in and is in one of these groups, a,b')
    .option('--with-name-prefix <prefix>', 'begin of the public name; the rest is random')
    .option('--expires <time>', 'end by itself after this time, such as 30m or 2h')
    .option('--qr', 'show the URL as a QR code')
    .option('--copy', 'copy the URL to the clipboard')
    .option(...JSON_FLAG)
    .addOption(later('--with-custom-domain [domain]'))
    .addHelpText('after', HELP.expose)
    .action(async (port: Listener, options) => {
      const { expose } = await import('./commands/expose.ts');
      finish(await expose(context(options), port, options));
    });
}

function addServices(program: Command, context: MakeContext, finish: Finish): Command {
  const services = program
    .command('services')
    .description('list, add and change the services that stay')
    .option(...JSON_FLAG)
    .addHelpText('after', HELP.services)
    .action(async (options) => finish(await (await import('./commands/services.ts')).list(context(options))));
  services
    .command('list')
    .description('list them')
    .option(...JSON_FLAG)
    .addHelpText('after', HELP.servicesList)
    .action(async (_, command: Command) =>
      finish(await (await import('./commands/services.ts')).list(context(command.optsWithGlobals()))),
    );
  withAccessFlags(withPlaceFlags(services.command('add')), false)
    .description('publish a local port until it is removed')
    .argument('<port>', 'the port that your server listens on, or unix:/path of its socket', listener)
    .option('--name <name>', 'the public name, such as "shop" (default: made from the program and port)')
    .option('--protocol <protocol>', 'what your server speaks: http, https, tcp, tls or udp', 'http')
    .option('--http2', 'speak HTTP/2 to it (gRPC); https servers say themselves whether they do')
    .option('--no-http2', 'do not, even if it says so')
    .option(
      '--listen-port <port>',
      'the port that visitors use (tcp, tls, udp; default: assigned, tls the main port)',
      wholeNumber,
    )
    .option('--idle-timeout <time>', 'end what is silent for so long, such as 30s or 10m (tcp, tls, udp)')
    .option('--proxy-protocol', "tell your server the visitor's address by a PROXY protocol header (tcp, tls)")
    .option('--path <path>', 'take only this path and what lies under it', '/')
    .option(...JSON_FLAG)
    .addHelpText('after', HELP.servicesAdd)
    .action(async (port: Listener, options, command: Command) =>
      finish(await (await import('./commands/services.ts')).add(context(command.optsWithGlobals()), port, options)),
    );
  for (const [verb, words] of [
    ['enable', 'let visitors in again'],
    ['disable', 'turn visitors away, and keep the name'],
    ['remove', 'end a service and free its name'],
  ] as const) {
    services
      .command(verb)
      .description(words)
      .argument('<name>', 'its name, public name or id')
      .option(...JSON_FLAG)
      .addHelpText('after', `\nExample:\n  porthole services ${verb} shop\n${HELP.servicesChange}`)
      .action(async (name: string, _, command: Command) =>
        finish(await (await import('./commands/services.ts'))[verb](context(command.optsWithGlobals()), name)),
      );
  }
  addTargetCommands(services, context, finish);
  return services;
}

function addShares(program: Command, services: Command, context: MakeContext, finish: Finish): void {
  program
    .command('share')
    .description('make a link that lets its holder in to a protected service')
    .argument('<name>', "the service's name, public name or id")
    .option('--expires <time>', 'how long it works, such as 30m, 2h or 7d (default: 24h)')
    .option('--uses <count>', 'how often it can be opened (default: any number of times)', wholeNumber)
    .option('--label <label>', 'what to call it, such as "client demo"')
    .option('--qr', 'show it as a QR code')
    .option('--copy', 'copy it to the clipboard')
    .option(...JSON_FLAG)
    .addHelpText('after', HELP.share)
    .action(async (name: string, options) =>
      finish(await (await import('./commands/shares.ts')).share(context(options), name, options)),
    );
  program
    .command('shares')
    .description('list share links, or take one back')
    .argument('[name]', 'of this service only')
    .option('--revoke <id>', 'take this one back: it opens no more, and who came in by it is out')
    .option(...JSON_FLAG)
    .addHelpText('after', HELP.shares)
    .action(async (name: string | undefined, options) => {
      const shares = await import('./commands/shares.ts');
      finish(
        options.revoke === undefined
          ? await shares.shares(context(options), name)
          : await shares.revoke(context(options), options.revoke),
      );
    });
  services
    .command('sign-out')
    .description('end the sessions of all visitors of a service')
    .argument('<name>', 'its name, public name or id')
    .option(...JSON_FLAG)
    .addHelpText('after', `\nExample:\n  porthole services sign-out shop\n${HELP.servicesChange}`)
    .action(async (name: string, _, command: Command) =>
      finish(await (await import('./commands/shares.ts')).signOut(context(command.optsWithGlobals()), name)),
    );
}

function addAgent(program: Command, context: MakeContext, finish: Finish): void {
  program
    .command('up')
    .description('keep this machine connected, without a window')
    .option(...JSON_FLAG)
    .addHelpText('after', HELP.up)
    .action(async (options) => finish(await (await import('./commands/up.ts')).up(context(options))));
  program
    .command('status')
    .description('say whether Porthole runs here, and how it is')
    .option(...JSON_FLAG)
    .addHelpText('after', HELP.status)
    .action(async (options) => finish(await (await import('./commands/status.ts')).status(context(options))));
  program
    .command('logs')
    .description('show who visited')
    .option('-f, --follow', 'go on with new lines')
    .option('--service <name>', 'of one service only')
    .option('--limit <count>', 'so many of the latest lines', wholeNumber, 50)
    .option(...JSON_FLAG)
    .addHelpText('after', HELP.logs)
    .action(async (options) => finish(await (await import('./commands/logs.ts')).logs(context(options), options)));
  program
    .command('join')
    .description('join the cluster of an edge that runs elsewhere')
    .argument('<url>', 'https://HOST[:PORT] of the edge, or a join link (porthole://join/…)')
    .option('--token <token>', 'the join token that its operator made; a link holds it')
    .option('--ca <file>', 'its certificate authority, if it is a private one')
    .option('--fingerprint <sha256>', 'SHA-256 of its certificate or authority')
    .option('--name <name>', 'what to call this machine (default: its host name)')
    .option(...JSON_FLAG)
    .addHelpText('after', HELP.join)
    .action(async (url: string, options) =>
      finish(await (await import('./commands/cluster.ts')).join(context(options), url, options)),
    );
  program
    .command('leave')
    .description('leave that cluster; its services of this machine end')
    .option(...JSON_FLAG)
    .addHelpText('after', HELP.leave)
    .action(async (options) => finish(await (await import('./commands/cluster.ts')).leave(context(options))));
  program
    .command('trust')
    .description("install the embedded edge's certificate authority on this machine")
    .option(...JSON_FLAG)
    .addHelpText('after', HELP.trust)
    .action(async (options) => finish(await (await import('./commands/trust.ts')).trust(context(options))));
}
