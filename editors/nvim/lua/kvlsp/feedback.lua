--- Tells the daemon what became of a suggestion. It names a suggestion by the arguments of the item's command.
local M = {}

local function call(client, name, ...)
  return require('kvlsp.client').call(client, name, ...)
end

local function utf16_length(text)
  local ok, units = pcall(vim.str_utfindex, text, 'utf-16')
  if ok then
    return units
  end
  local _, old_units = vim.str_utfindex(text) -- 0.10: returns code points and UTF-16 units
  return old_units
end

---@param text string
---@param command? table the item's command
local function item(text, command)
  return { insertText = text, command = command }
end

function M.shown(client, text, command)
  if client then
    call(client, 'notify', 'textDocument/didShowCompletion', { item = item(text, command) })
  end
end

function M.partially_accepted(client, text, command, taken)
  if client then
    call(client, 'notify', 'textDocument/didPartiallyAcceptCompletion', {
      item = item(text, command),
      acceptedLength = utf16_length(taken),
    })
  end
end

--- Runs the item's command: the daemon's signal that the whole suggestion was taken.
function M.accepted(client, command, bufnr)
  if client and command then
    if client.exec_cmd then
      client:exec_cmd(command, { bufnr = bufnr })
    else
      call(client, 'request', 'workspace/executeCommand', { command = command.command, arguments = command.arguments })
    end
  end
end

function M.rejected(client, command)
  local offered = client and vim.tbl_get(client.server_capabilities, 'executeCommandProvider', 'commands') or {}
  if command and vim.tbl_contains(offered, 'kvlsp.rejected') then
    call(client, 'request', 'workspace/executeCommand', { command = 'kvlsp.rejected', arguments = command.arguments })
  end
end

return M
