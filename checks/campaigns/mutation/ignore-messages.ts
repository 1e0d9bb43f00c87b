import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin'

/** The members of a Babel path that this file uses. */
interface Path {
  node: { type: string }
  parent: { type: string; callee: { type: string; name: string }; key: { name: string } }
  listKey: string
  key: number
}

/**
 * The position of the message among the arguments of these functions and classes. A member with the name "message" is also a
 * message. Messages are not API, so their mutants are ignored. Error codes are API.
 */
const messages: Record<string, number> = {
  Error: 0,
  TypeError: 0,
  BackchannelLogoutError: 1,
  claimError: 1,
  invalidToken: 0,
  asLogoutError: 0,
  refused: 1,
  requireOption: 2,
}

/** Excludes only the texts of messages from the mutants. */
export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'messages', {
    shouldIgnore(path) {
      const { node, parent, listKey, key } = path as Path
      const isText = node.type === 'StringLiteral' || node.type === 'TemplateLiteral'
      const isArgument = listKey === 'arguments' && parent.callee.type === 'Identifier'
      const isMessage = isArgument
        ? messages[parent.callee.name] === key
        : parent.type === 'ObjectProperty' && parent.key.name === 'message'
      return isText && isMessage ? 'a message, which is not API' : undefined
    },
  }),
]
