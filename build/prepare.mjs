// `npm ci` ends with this: the bundles are made once, so that every command starts from them. Without the tools for
// it (`npm ci --omit=dev`) or with sources that do not build, the command line runs the sources instead.
import { build, canBuild, isBuilt } from './bundle.mjs';
import { onOwnNode } from './own-node.mjs';

if (onOwnNode(import.meta.filename) && canBuild() && !isBuilt()) await build();
