(function_declaration name: (identifier) @name body: (statement_block) @body) @definition
(generator_function_declaration name: (identifier) @name body: (statement_block) @body) @definition
(class_declaration name: (_) @name body: (class_body) @body) @definition
(method_definition name: (_) @name body: (statement_block) @body) @definition
(lexical_declaration (variable_declarator name: (identifier) @name
  value: (arrow_function body: (_) @body))) @definition

(interface_declaration name: (type_identifier) @name body: (interface_body) @body) @definition
(enum_declaration name: (identifier) @name body: (enum_body) @body) @definition
(type_alias_declaration name: (type_identifier) @name) @definition
