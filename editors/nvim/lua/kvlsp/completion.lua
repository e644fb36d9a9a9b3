--- One face for two ways of showing ghost text: Neovim's own inline completion (0.12) and this plugin's module.
local options = require('kvlsp.options')
local client_of = require('kvlsp.client').of
local feedback = require('kvlsp.feedback')
local ghost = require('kvlsp.ghost')
local portion = require('kvlsp.portion')

local M = {}

local function builtin()
  return options.backend() == 'builtin'
end

function M.attach(client, bufnr)
  if builtin() then
    vim.lsp.inline_completion.enable(true, { bufnr = bufnr })
    -- A daemon that comes (back) while the user types: the builtin waits for the next key otherwise. It sets itself
    -- up in a step scheduled after LspAttach, hence the second step here.
    vim.schedule(vim.schedule_wrap(function()
      if vim.api.nvim_get_current_buf() == bufnr and vim.api.nvim_get_mode().mode:sub(1, 1) == 'i' then
        local group = 'nvim.lsp.inline_completion:' .. bufnr
        pcall(vim.api.nvim_exec_autocmds, 'CursorMovedI', { buffer = bufnr, group = group })
      end
    end))
  else
    ghost.attach(client, bufnr)
  end
end

function M.detach(bufnr)
  ghost.detach(bufnr)
end

--- The text between a position and the caret, if it is on the caret's line or above it.
local function typed_since(bufnr, row, col)
  local caret = vim.api.nvim_win_get_cursor(0)
  local caret_row, caret_col = caret[1] - 1, caret[2]
  if row > caret_row or (row == caret_row and col > caret_col) then
    return nil
  end
  local ok, lines = pcall(vim.api.nvim_buf_get_text, bufnr, row, col, caret_row, caret_col, {})
  return ok and table.concat(lines, '\n') or nil, caret_row, caret_col
end

--- Takes part of the builtin's current item. Typing through a suggestion does not move its range (neovim #36529), so
--- what was typed since would stand there twice: the replaced range is grown to the caret, and an item that no longer
--- continues the text is dropped.
local function accept_builtin(part)
  local bufnr = vim.api.nvim_get_current_buf()
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      if type(item.insert_text) ~= 'string' or not item.range then
        return item
      end
      local range = item.range
      local typed, row, col = typed_since(bufnr, range.start_row, range.start_col)
      if not typed or item.insert_text:sub(1, #typed) ~= typed then
        return nil
      end
      local end_row, end_col = range.end_row, range.end_col
      if end_row < row or (end_row == row and end_col < col) then
        end_row, end_col = row, col
      end
      local rest = item.insert_text:sub(#typed + 1)
      local piece = portion.cut(rest, part)
      if piece ~= rest then
        -- The rest of the old text stays: only what precedes the caret is replaced.
        end_row, end_col = row, col
        local taken = typed .. piece
        feedback.partially_accepted(client_of(bufnr), item.insert_text, item.command, taken)
        item.command = nil
        item.insert_text = taken
      end
      item.range = vim.range(bufnr, range.start_row, range.start_col, end_row, end_col)
      return item
    end,
  })
end

---@param part 'all'|'word'|'line'
---@return boolean
function M.accept(part)
  if builtin() then
    return accept_builtin(part)
  end
  return ghost.accept(vim.api.nvim_get_current_buf(), part)
end

---@return boolean
function M.dismiss()
  local bufnr = vim.api.nvim_get_current_buf()
  if builtin() then
    return vim.lsp.inline_completion.get({
      on_accept = function(item)
        feedback.rejected(client_of(bufnr), item.command)
        return nil
      end,
    })
  end
  return ghost.dismiss(bufnr)
end

---@param step integer
function M.cycle(step)
  if builtin() then
    vim.lsp.inline_completion.select({ count = step })
  else
    ghost.cycle(vim.api.nvim_get_current_buf(), step)
  end
end

--- Asks. The builtin has no public way to ask, only a way to show what came: its registry is asked for the
--- buffer's instance.
---@param kind 'automatic'|'invoked'
---@return boolean whether this Neovim could be asked
local function ask(bufnr, kind)
  if not builtin() then
    ghost.request(bufnr, kind)
    return true
  end
  local found, capability = pcall(require, 'vim.lsp._capability')
  local instance = found and vim.tbl_get(capability, 'all', 'inline_completion', 'active', bufnr)
  if not instance or not instance.request then
    return false
  end
  instance:request(kind == 'invoked' and 1 or 2)
  return true
end

function M.trigger()
  if not ask(vim.api.nvim_get_current_buf(), 'invoked') then
    vim.notify('kvlsp: this Neovim offers no way to ask for a suggestion; it asks by itself.', vim.log.levels.WARN)
  end
end

local AGAIN = 10 -- deadlines after which a slow model is given up until the next key
local again = { place = '', times = 0 }

--- There is more to be had than the last request brought: the daemon goes on with what it had no complete line of at
--- its deadline, or more lines of than it has told; or its model was not there yet, and is now. Asks again if the user
--- has not typed on. Each request has a deadline of its own, so a model that needs longer is asked several times.
---@param more boolean whether it has told the first lines
function M.ask_again(more)
  local bufnr = vim.api.nvim_get_current_buf()
  if vim.api.nvim_get_mode().mode:sub(1, 1) ~= 'i' or not client_of(bufnr) then
    return
  end
  local caret = vim.api.nvim_win_get_cursor(0)
  local place = table.concat({ bufnr, vim.api.nvim_buf_get_changedtick(bufnr), caret[1], caret[2] }, ':')
  again = { place = place, times = place == again.place and again.times + 1 or 1 }
  if more or again.times <= AGAIN then
    ask(bufnr, 'automatic')
  end
end

--- Takes away what is shown in a buffer (after switching suggestions off).
function M.clear(bufnr)
  if builtin() then
    vim.lsp.inline_completion.get({
      bufnr = bufnr,
      on_accept = function()
        return nil
      end,
    })
  else
    ghost.clear(bufnr)
  end
end

return M
