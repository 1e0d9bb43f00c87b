import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin'

/** What is looked at of a Babel path. */
interface Path {
  node: { type: string }
  parent: { type: string; callee: { type: string; name: string }; key: { name: string } }
  listKey: string
  key: number
}

/**
 * Where the text of a message stands, besides members of the name "message": which argument of these functions and classes.
 * Codes are API, messages are not.
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

/** Takes the texts of messages out of the mutants, and nothing else. */
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
