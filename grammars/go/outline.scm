(function_declaration name: (identifier) @name body: (block) @body) @definition
(method_declaration name: (field_identifier) @name body: (block) @body) @definition
(type_declaration (type_spec name: (type_identifier) @name)) @definition
(const_spec name: (identifier) @name) @definition
